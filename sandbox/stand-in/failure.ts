/** Failures in the words of the real plugin, which the engine's error reader is tested with. */
import { setTimeout as sleep } from "node:timers/promises";

/** An AWS call that failed: `code` is the service's own, e.g. `NoSuchEntity`. */
export class CallFailed extends Error {
  override name = "CallFailed";
  readonly code: string;
  /** AWS's own words */
  readonly reason: string;
  constructor(message: string, code: string, reason: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

interface ServiceError {
  name?: string;
  message?: string;
  $metadata?: { httpStatusCode?: number; requestId?: string };
}

/**
 * Waits for an SDK call and words its failure: `<doing>: operation error <IAM: CreateRole>, https response error
 * StatusCode: 409, RequestID: …, EntityAlreadyExists: …`. Exceptions of the service's model show their code bare, all
 * others as `api error <code>` (aws-sdk-go-v2, smithy-go errors).
 */
export async function attempt<T>(doing: string, operation: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const { name = "Unknown", message = "", $metadata } = error as ServiceError;
    const code = operation.startsWith("IAM:") ? name.replace(/Exception$/, "") : name;
    const isModelled = (error as Error).constructor.name !== "Error" && !(error as Error).constructor.name.endsWith("ServiceException");
    const said = `${isModelled ? "" : "api error "}${code}: ${message}`;
    const response = $metadata?.httpStatusCode
      ? `https response error StatusCode: ${$metadata.httpStatusCode}, RequestID: ${$metadata.requestId ?? ""}, ${said}`
      : `request send failed, ${message}`;
    throw new CallFailed(`${doing}: operation error ${operation}, ${response}`, code, message);
  }
}

/** The answer, or undefined when the service says with one of these codes that the thing isn't there. */
export async function unlessGone<T>(codes: readonly string[], answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CallFailed && codes.includes(error.code)) return undefined;
    throw error;
  }
}

/**
 * Tries again while AWS hasn't settled. The real plugin waits 2 to 10 minutes; an emulator on loopback settles at once or
 * never, so three seconds tell the same.
 */
export async function untilSettled<T>(isUnsettled: (failure: CallFailed) => boolean, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 3000;
  for (let pause = 100; ; pause = Math.min(pause * 2, 1000)) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CallFailed) || !isUnsettled(error) || Date.now() > deadline) throw error;
      await sleep(pause);
    }
  }
}
