import assert from "node:assert/strict";
import { test } from "node:test";
import { pauseBefore, withRetries } from "../../../src/integrations/stacks/retry.ts";
import { type ProblemCode, ProblemError } from "../../../src/problem.ts";

const quiet = (signal = new AbortController().signal) => ({ signal, progress: async () => {} });
const fails = (codes: ProblemCode[]) => async (attempt: number) => {
  const code = codes[attempt - 1];
  if (code) throw new ProblemError(code, "for the test");
  return attempt;
};

test("pauses double, stay below their limit and end after the last try", () => {
  const longest = (next: number) => pauseBefore(next, { code: "aws_throttled" }, () => 1);
  assert.deepEqual([2, 3, 4, 5, 6].map(longest), [2_000, 4_000, 8_000, 15_000, undefined]);
  assert.equal(
    pauseBefore(2, { code: "aws_throttled" }, () => 0),
    0,
    "full jitter",
  );
});

test("a failure that needs a change isn't tried again", () => {
  for (const code of ["aws_denied", "guardrail", "account_unreachable", "proof_failed", "state_damaged"] as const) {
    assert.equal(pauseBefore(2, { code }), undefined);
  }
});

test("a temporary failure is retried until it ends; a lasting one is thrown as it is", async () => {
  assert.equal(await withRetries(quiet(), "x", fails(["update_unknown", "operation_interrupted"])), 3);
  await assert.rejects(withRetries(quiet(), "x", fails(["update_unknown", "update_unknown", "update_unknown"])), /update_unknown/);
  await assert.rejects(withRetries(quiet(), "x", fails(["aws_denied"])), /aws_denied/);
});

test("an aborted run tries nothing again", async () => {
  const stop = new AbortController();
  stop.abort();
  await assert.rejects(withRetries(quiet(stop.signal), "x", fails(["update_unknown"])), /update_unknown/);
});

test("a policy that IAM calls malformed is tried again for some seconds, because the role in it may be seconds old; other rejections aren't", () => {
  const longest = (next: number, cause: string) => pauseBefore(next, { code: "aws_rejected", cause }, () => 1);
  for (const cause of ["S3 PutBucketPolicy MalformedPolicy", "KMS PutKeyPolicy MalformedPolicyDocumentException", "IAM InvalidPrincipal"])
    assert.deepEqual(
      [2, 3, 4, 5].map((next) => longest(next, cause)),
      [3_000, 6_000, 12_000, undefined],
      cause,
    );
  assert.equal(longest(2, "IAM DeleteRole DeleteConflict"), undefined);
  assert.equal(pauseBefore(2, { code: "aws_rejected" }), undefined);
});

test("each class of temporary failure has its own number of tries", () => {
  const tries = (code: ProblemCode) => [2, 3, 4, 5, 6].filter((next) => pauseBefore(next, { code }) !== undefined).length + 1;
  const wanted = { aws_throttled: 5, not_ready: 5, stack_locked: 4, update_unknown: 3, operation_interrupted: 3, update_failed: 2 };
  assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((code) => [code, tries(code as ProblemCode)])), wanted);
  assert.equal(tries("storage_full"), 1, "it waits for space before it starts, not in the middle");
});
