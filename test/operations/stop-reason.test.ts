import assert from "node:assert/strict";
import { test } from "node:test";
import { endOf } from "../../src/operations/run-end.ts";
import { createRunStop } from "../../src/operations/run-stop.ts";
import { consequenceOf, type StopReason, stopError } from "../../src/operations/stop-reason.ts";
import { problemOf } from "../../src/problem.ts";
import { silent } from "../store/backends.ts";

/** The strongest first. */
const reasons: StopReason[] = [{ by: "lease" }, { by: "record" }, { by: "caller" }, { by: "deadline", seconds: 60 }, { by: "service" }];

async function endAfter(given: StopReason[], work: () => Promise<void> = () => Promise.reject(new Error("whatever the verb was at"))) {
  const stop = createRunStop();
  const running = {
    id: "op",
    log: silent,
    stop,
    made: () => ({ result: { made: 1 }, planHash: undefined }),
    settled: async () => undefined,
  };
  const begun = async () => {
    for (const reason of given) stop.because(reason);
    await work();
  };
  return endOf(begun, running);
}

test("the reason of the stop decides what happens to the operation", async () => {
  const told = reasons.map((reason) => [reason.by, consequenceOf(reason), stopError(reason).problem.code, stopError(reason).problem.cause]);
  assert.deepEqual(told, [
    ["lease", "nothing", "operation_interrupted", "lease-lost"],
    ["record", "nothing", "operation_interrupted", "unwritable"],
    ["caller", "cancelled", "operation_interrupted", undefined],
    ["deadline", "failed", "operation_timeout", undefined],
    ["service", "given-back", "operation_interrupted", "draining"],
  ]);
  await assert.rejects(endAfter([{ by: "lease" }]), stopError({ by: "lease" }));
  await assert.rejects(endAfter([{ by: "record" }]), stopError({ by: "record" }));
  const cancelled = { state: "cancelled", error: problemOf(stopError({ by: "caller" })), result: { made: 1 } };
  assert.deepEqual(await endAfter([{ by: "caller" }]), cancelled);
  const late: StopReason = { by: "deadline", seconds: 60 };
  assert.deepEqual(await endAfter([late]), { state: "failed", error: problemOf(stopError(late)), result: { made: 1 } });
  assert.deepEqual(await endAfter([{ by: "service" }]), { state: "given-back" });
});

test("of several stops the strongest decides, in any order; the run's work gets the first", () => {
  for (const [at, strong] of reasons.entries()) {
    for (const weak of reasons.slice(at + 1)) {
      for (const [first, second] of [
        [strong, weak],
        [weak, strong],
      ] as const) {
        const stop = createRunStop();
        stop.because(first);
        stop.because(second);
        assert.deepEqual(stop.reason, strong);
        assert.deepEqual(stop.signal.reason, stopError(first));
      }
    }
  }
});

test("a run that was stopped after its work was done has succeeded, unless its events are missing", async () => {
  for (const by of ["lease", "caller", "service"] as const)
    assert.deepEqual(await endAfter([{ by }], async () => undefined), { state: "succeeded", result: { made: 1 } });
  await assert.rejects(
    endAfter([{ by: "record" }, { by: "caller" }], async () => undefined),
    stopError({ by: "record" }),
  );
});

test("a signal stops a run even if it was aborted before", () => {
  const stop = createRunStop();
  stop.when(AbortSignal.abort(), { by: "service" });
  assert.equal(stop.reason?.by, "service");
  const later = new AbortController();
  stop.when(later.signal, { by: "lease" });
  later.abort();
  assert.equal(stop.reason?.by, "lease");
});
