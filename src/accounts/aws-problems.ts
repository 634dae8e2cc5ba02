/** Turns errors of the AWS SDK into problems. */
import { ProblemError } from "../problem.ts";

interface AwsError extends Error {
  /** Node's, of a call that got no answer */
  code?: string;
  $metadata?: { httpStatusCode?: number; requestId?: string };
  Code?: string;
}

const MISSING = new Set([
  "NoSuchEntityException",
  "NoSuchEntity",
  "NotFound",
  "NoSuchBucket",
  "NoSuchBucketPolicy",
  "NoSuchPublicAccessBlockConfiguration",
  "OwnershipControlsNotFoundError",
  "ServerSideEncryptionConfigurationNotFoundError",
  "NotFoundException",
]);

const THROTTLED = /Throttl|TooManyRequests|SlowDown|RequestLimitExceeded|ServiceUnavailable|InternalFailure|InternalError/;
const DENIED = /AccessDenied|Forbidden|UnauthorizedOperation|ExpiredToken|InvalidClientTokenId|403/;

/** No answer at all, after the SDK's own tries */
const UNANSWERED = /^(ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND|TimeoutError|NetworkingError)$/;

const codeOf = (error: AwsError): string => error.Code ?? error.name;

/** The answer, or undefined when AWS says that the thing isn't there. */
export async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch((error: AwsError) => {
    if (MISSING.has(codeOf(error)) || error.$metadata?.httpStatusCode === 404) return undefined;
    throw error;
  });
}

/**
 * A catch handler that turns an AWS error into a ProblemError naming what was being done. AWS's own text is left out: it may
 * quote policies and ids; its code and request id go to `cause`.
 */
export function awsProblem(doing: string): (error: AwsError) => never {
  return (error) => {
    if (error instanceof ProblemError) throw error;
    const code = codeOf(error);
    const cause = [code, error.$metadata?.requestId].filter(Boolean).join(" ");
    const status = error.$metadata?.httpStatusCode ?? 0;
    const unanswered = UNANSWERED.test(error.code ?? error.name);
    if (THROTTLED.test(code) || unanswered || status >= 500 || status === 429) {
      throw new ProblemError("aws_throttled", `${capital(doing)}: AWS couldn't take the call after several tries. Try again later.`, {
        cause,
      });
    }
    if (DENIED.test(code) || status === 403) {
      throw new ProblemError(
        "aws_denied",
        `${capital(doing)}: AWS denied the call. Give the provisioning role the right, or check that the resource belongs to this account.`,
        { cause },
      );
    }
    throw new ProblemError("aws_rejected", `${capital(doing)}: AWS rejected the call (${code}).`, { cause });
  };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
