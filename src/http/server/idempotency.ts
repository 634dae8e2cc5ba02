/** Idempotency-Key: if a client sends a mutation again under the same key, it gets the same answer and the mutation runs only once. */
import { createHash } from "node:crypto";
import { ProblemError } from "../../problem.ts";
import type { Db } from "../../store/database/transaction.ts";
import { begin, finish, type IdempotentRequest, release } from "../../store/idempotency.ts";
import { RequestError } from "./problem-response.ts";
import type { Answer } from "./route.ts";

/** The header that marks an answer as a repeated one. */
const replayedHeader = "Idempotency-Replayed";

/**
 * Names the request that a key belongs to.
 *
 * @param key the Idempotency-Key header
 * @param parts.url path and query: the same key for another tenant belongs to another request
 * @throws RequestError `invalid_request` unless the key has 1 to 255 visible ASCII characters
 */
export function idempotentRequest(key: string, parts: { caller: string; route: string; url: string; body: Uint8Array }): IdempotentRequest {
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new RequestError([{ in: "header", name: "Idempotency-Key", detail: "Give 1 to 255 visible ASCII characters" }]);
  }
  const bodyHash = createHash("sha256").update(parts.url).update("\n").update(parts.body).digest("hex");
  return { caller: parts.caller, route: parts.route, key, bodyHash };
}

/**
 * Runs a request unless a request with its key has run before.
 *
 * Only 2xx answers are kept. A refusal or a failure frees the key: nothing was recorded, so the client can try again safely.
 *
 * @throws ProblemError `idempotency_in_flight`, `idempotency_key_reused`, and any error of `run`
 */
export async function runOnce(db: Db, request: IdempotentRequest, run: () => Promise<Answer>): Promise<Answer> {
  const begun = await begin(db, request);
  if (begun === "in-flight") throw new ProblemError("idempotency_in_flight", "The first request with this key hasn't been answered yet.");
  if (begun === "mismatch") throw new ProblemError("idempotency_key_reused", "This key belongs to another request. Use a new one.");
  if (begun !== "new") return { ...begun.replay, headers: { ...begun.replay.headers, [replayedHeader]: "true" } };
  let answer: Answer;
  try {
    answer = await run();
  } catch (error) {
    await release(db, request);
    throw error;
  }
  await finish(db, request, { status: answer.status, headers: answer.headers ?? {}, body: answer.body ?? null });
  return answer;
}
