/**
 * The only code that reads error texts of Pulumi, the CLI and the plugin. Pure: it turns a text into a problem that contains none of the
 * text.
 */
import { type Problem, type ProblemCode, ProblemError } from "../../problem.ts";

/** The texts that a failed update left. */
export interface FailureText {
  /** The engine's diagnostics of severity error, in order */
  diagnostics: string[];
  /** What the CLI printed, or the error of its start */
  cli: string;
  /** Whether the engine sent its summary */
  summary: boolean;
}

interface Rule {
  when: RegExp;
  code: ProblemCode;
  detail: string;
}

/** Rules for the state and the update as a whole. They are tested against all texts. */
const updateRules: Rule[] = [
  {
    when: /no space left on device|disk quota exceeded/i,
    code: "storage_full",
    detail: "A disk ran full during the update. What it had done is in state; once there is space, run it again.",
  },
  {
    when: /the stack is currently locked by|Another update is currently in progress/,
    code: "stack_locked",
    detail: "Another update holds the stack's lock. Try again; a dead owner's lock is removed by recovery.",
  },
  {
    when: /marked for protection/,
    code: "role_replacement_refused",
    detail: "The change would replace or delete a resource that must keep its identity. Make a new integration instead.",
  },
  {
    when: /AWS account ID not allowed/,
    code: "account_mismatch",
    detail: "The tenant's credentials belong to another account than the one registered. Nothing was changed.",
  },
  {
    when: /no resource plugin 'pulumi-resource-aws|Could not automatically download and install/,
    code: "plugin_refused",
    detail: "The AWS plugin isn't installed. Run the set-up again.",
  },
  {
    when: /incorrect passphrase|failed to decrypt|could not decrypt/i,
    code: "not_ready",
    detail: "The secrets in the stack's state can't be decrypted. Give the service the passphrase or key that they were written with.",
  },
  {
    // The first four patterns mean that the plugin ended while the engine used it.
    when: /rpc error: code = Unavailable|error reading from server|connection error: desc|transport is closing|killed with SIG|was killed|update cancell?ed|operation cancell?ed|context cancell?ed/i,
    code: "operation_interrupted",
    detail: "The update was interrupted before its end. What it had done is in state; run it again.",
  },
];

/** Rules for AWS's own error codes, in the plugin's form (`api error <Code>: …`, `<Code>: …`). */
const awsRules: Rule[] = [
  {
    when: /\bEntityAlreadyExists\b/,
    code: "role_name_taken",
    detail: "The account already has a role of this name that Drawbridge didn't make. Choose another role name, or adopt it.",
  },
  {
    when: /\b(Throttling|ThrottlingException|ThrottledException|TooManyRequestsException|RequestLimitExceeded|SlowDown|RequestThrottled)\b|Rate exceeded/,
    code: "aws_throttled",
    detail: "AWS limited the rate of calls for this account. The same request works later.",
  },
  {
    when: /StatusCode: 5\d\d\b|\b(InternalFailure|InternalError|ServiceFailure|ServiceFailureException|ServiceUnavailable|KMSInternalException)\b/,
    code: "aws_throttled",
    detail: "AWS couldn't take a call after several tries. The same request works later.",
  },
  {
    // The errors of the AWS SDKs for Go and Node for a call without an answer. An update rule above handles the end of the plugin itself.
    when: /request send failed|connection reset by peer|connection refused|unexpected EOF|: EOF\b|i\/o timeout|TLS handshake timeout|no such host|\b(ECONNRESET|ECONNREFUSED|ETIMEDOUT|EPIPE)\b|socket hang up/,
    code: "aws_throttled",
    detail: "AWS gave no answer to a call after several tries. The same request works later.",
  },
  {
    when: /\b(ExpiredToken|ExpiredTokenException|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidAccessKeyId)\b|unable to validate AWS credentials|No valid credential sources found|failed to refresh cached credentials/,
    code: "account_unreachable",
    detail: "AWS didn't accept the credentials for the tenant's account. Check the provisioning role, then try again.",
  },
  {
    when: /\b(AccessDenied|AccessDeniedException|UnauthorizedOperation|NotAuthorized|AuthorizationError)\b/,
    code: "aws_denied",
    detail: "AWS refused a call to the provisioning role. Extend its rights, or look for a boundary or service control policy against it.",
  },
  {
    when: /Invalid principal in policy/i,
    code: "aws_rejected",
    detail: "A principal named in a policy doesn't exist in AWS. Check the vendor's account, role or user, then try again.",
  },
  {
    when: /\bMalformedPolicy(Document)?(Exception)?\b/,
    code: "aws_rejected",
    detail: "AWS refused a policy document as malformed. Preview the integration and check its parameters.",
  },
  {
    when: /\bDeleteConflict\b/,
    code: "aws_rejected",
    detail: "AWS won't delete the resource while something else is attached to it. Detach that, then try again.",
  },
  {
    when: /\bLimitExceeded(Exception)?\b/,
    code: "aws_rejected",
    detail: "The account has reached one of AWS's quotas. Have it raised or make room, then try again.",
  },
  {
    when: /did(n't| not) exist while updating|\bNoSuchEntity\b|\bNoSuchBucket\b|\bNotFoundException\b/,
    code: "aws_rejected",
    detail: "Something this update builds on is gone from the account. Reconcile the integration to make it again.",
  },
  {
    when: /https response error StatusCode|api error \w+/,
    code: "aws_rejected",
    detail: "AWS rejected a request. The cause names AWS's own error.",
  },
];

/** Takes `IAM CreateRole AccessDenied` from `operation error IAM: CreateRole, … api error AccessDenied: …`, and never more of it. */
export function awsCause(text: string): string | undefined {
  const operation = /operation error ([\w ]+?): (\w+)/.exec(text);
  const code = /api error (\w+)/.exec(text)?.[1] ?? /StatusCode: \d+, RequestID: [^,]*, (\w+):/.exec(text)?.[1];
  const words = [operation?.[1], operation?.[2], code].filter((word) => word !== undefined);
  return words.length > 0 ? words.join(" ") : undefined;
}

const stateText =
  /unable to check if bucket|failed to load checkpoint|could not (?:list|read|get) .*(?:bucket|stack|checkpoint)|blob \(key/i;

/** The CLI's errors about the key that encrypts secrets in state (gocloud.dev/secrets). That key is ours, in our own account. */
const secretsText = /get stack secrets manager|secrets \(code=\w+\)/;

/**
 * The problem behind a failed update. Diagnostics come first, because the CLI's own text repeats them and adds noise. No sentence here
 * quotes the text, which may hold policy documents and external ids.
 */
export function classifyFailure(text: FailureText): Problem {
  const all = `${text.diagnostics.join("\n")}\n${text.cli}`;
  const update = updateRules.find(({ when }) => when.test(all));
  if (update) return problem(update.code, update.detail);
  for (const source of [...text.diagnostics, text.cli]) {
    if (source === text.cli && stateText.test(source)) return stateProblem(source);
    const rule = awsRules.find(({ when }) => when.test(source));
    if (source === text.cli && secretsText.test(source) && rule?.code !== "aws_throttled") return secretsProblem(source);
    if (rule) return problem(rule.code, rule.detail, awsCause(source));
  }
  if (stateText.test(all)) return stateProblem(all);
  if (text.diagnostics.some((line) => line.startsWith("Unhandled exception")))
    return problem(
      "update_failed",
      "The program that makes this stack failed. Run it again; if it stays, it is a fault to report.",
      "program",
    );
  if (!text.summary)
    return problem("update_unknown", "The update ended without a result. Its effect is looked up in state before the next run.");
  return problem("update_failed", "The update failed without an error that Drawbridge knows. Run it again.");
}

function stateProblem(text: string): Problem {
  return problem(
    "not_ready",
    "The state bucket can't be read or written. Check its name, region and the service's rights.",
    awsCause(text),
  );
}

function secretsProblem(text: string): Problem {
  return problem(
    "not_ready",
    "The key that encrypts secrets in state can't be used, so this run of the stack changed nothing. See that it is enabled and that the state role may use it (kms:Encrypt, kms:Decrypt).",
    awsCause(text),
  );
}

function problem(code: ProblemCode, detail: string, cause?: string): Problem {
  return new ProblemError(code, detail, cause === undefined ? {} : { cause }).problem;
}
