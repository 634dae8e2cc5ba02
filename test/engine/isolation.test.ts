import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunnerIdentity } from "../../src/engine/engine.ts";
import { openState } from "../../src/engine/state/state-backend.ts";
import { type Problem, problemOf } from "../../src/problem.ts";
import { findByMarker, isAlive, isMarkerAlive, killByMarker } from "../../src/processes.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import type { Behaviour } from "./misbehaving-programs.ts";
import { type Running, startRunning } from "./running-engine.ts";

let running: Running;
before(async () => {
  running = await startRunning({ runners: 2, graceMs: 2000, registry: new URL("./misbehaving-programs.ts", import.meta.url).href });
});
after(() => running.stop());

const program = (behave: Behaviour) => ({ kind: "collector", key: behave, inputs: { behave } }) as unknown as StackSpec;
const problemIn = (work: Promise<unknown>): Promise<Problem> => work.then(() => assert.fail("it should have failed"), problemOf);

/** Waits until the CLI of an operation runs, and returns its pids. */
async function pidsOf(operation: string): Promise<number[]> {
  for (let i = 0; i < 100; i++) {
    const pids = (await findByMarker({ operation })) ?? [];
    if (pids.length > 0) return pids;
    await sleep(50);
  }
  return assert.fail("no CLI was started");
}

async function locksOf(behave: Behaviour, tenant: string): Promise<number> {
  const state = openState(running.request(program(behave), { tenant }).address, running.state);
  const locks = await state.listLocks();
  state.close();
  return locks.length;
}

test("an unhandled rejection of one update fails that update only", async () => {
  const [mine, theirs] = await Promise.allSettled([
    running.run(program("slow"), { tenant: "calm" }),
    running.run(program("reject"), { tenant: "wild" }),
  ]);
  assert.equal(mine.status === "fulfilled" && mine.value.outputs["behaved"], "slow");
  const problem = theirs.status === "rejected" ? problemOf(theirs.reason) : undefined;
  assert.equal(problem?.code, "update_failed");
  assert.equal(problem?.cause, "program");
  assert.ok(!JSON.stringify(problem).includes("secret"));
});

test("a runner whose update failed is replaced, a runner whose update succeeded is used again", async () => {
  const used = new Set<string>();
  const onRunner = ({ uuid }: RunnerIdentity) => void used.add(uuid);
  await problemIn(running.run(program("throw"), { onRunner }));
  const [failed = ""] = used;
  for (let i = 0; i < 4; i++) await running.run(program("well"), { onRunner });
  assert.equal(used.size, 3);
  assert.equal(await isMarkerAlive({ runner: failed }), false);
});

test("a program that ends its process is an interrupted operation, and the pool continues", async () => {
  const request = running.request(program("exit"), { tenant: "exit" });
  const problem = await problemIn(running.engine.update(request, () => {}));
  assert.equal(problem.code, "operation_interrupted");
  assert.equal(await isMarkerAlive({ operation: `${request.operationId}-1` }), false);
  assert.equal(await locksOf("exit", "exit"), 0);
  assert.equal((await running.run(program("well"))).outputs["behaved"], "well");
});

test("the runner is reported before the update starts, with the facts that later prove that it has ended", async () => {
  let runner: RunnerIdentity | undefined;
  await running.run(program("well"), {
    async onRunner(identity) {
      await sleep(50);
      runner = identity;
    },
  });
  assert.ok(runner && (await isAlive(runner.pid)));
  assert.match(runner.startTime, /^\d+$/);
  assert.ok((await findByMarker({ runner: runner.uuid }))?.includes(runner.pid));
});

test("an abort interrupts the CLI, and leaves no process and no lock", async () => {
  const request = running.request(program("hang"), { tenant: "abort" });
  const abort = new AbortController();
  const update = problemIn(running.engine.update(request, () => {}, abort.signal));
  await pidsOf(`${request.operationId}-1`);
  await sleep(500);
  abort.abort();
  assert.equal((await update).code, "operation_interrupted");
  assert.equal(await isMarkerAlive({ operation: `${request.operationId}-1` }), false);
  assert.equal(await locksOf("hang", "abort"), 0);
});

test("an operation that was stopped before it got a runner never starts", async () => {
  const problem = await problemIn(running.engine.update(running.request(program("well")), () => {}, AbortSignal.abort()));
  assert.equal(problem.code, "operation_interrupted");
});

test("an operation that is stopped during its wait for a runner leaves the line", async () => {
  const busy = new AbortController();
  const others = ["one", "two"].map((tenant) =>
    problemIn(running.engine.update(running.request(program("hang"), { tenant }), () => {}, busy.signal)),
  );
  while ((await locksOf("hang", "one")) + (await locksOf("hang", "two")) < 2) await sleep(50);
  const stop = new AbortController();
  const waiting = problemIn(running.engine.update(running.request(program("well"), { tenant: "three" }), () => {}, stop.signal));
  await sleep(200);
  stop.abort();
  assert.equal((await waiting).code, "operation_interrupted");
  busy.abort();
  await Promise.all(others);
});

test("an update that runs past its deadline fails as operation_timeout", async () => {
  const request = running.request(program("hang"), { tenant: "late", deadlineSeconds: 2 });
  assert.equal((await problemIn(running.engine.update(request, () => {}))).code, "operation_timeout");
  assert.equal(await isMarkerAlive({ operation: `${request.operationId}-1` }), false);
  assert.equal(await locksOf("hang", "late"), 0);
});

test("kill -9 of the CLI is a failure with a code, and leaves no process and no lock", async () => {
  const request = running.request(program("hang"), { tenant: "killed" });
  const operation = `${request.operationId}-1`;
  const update = problemIn(running.engine.update(request, () => {}));
  await pidsOf(operation);
  while ((await locksOf("hang", "killed")) === 0) await sleep(50);
  await killByMarker({ operation }, { graceMs: 0 });
  assert.equal((await update).code, "operation_interrupted");
  assert.equal(await isMarkerAlive({ operation }), false);
  assert.equal(await locksOf("hang", "killed"), 0);
});

test("a lock of a live process is respected and stays", async () => {
  const holder = running.request(program("hang"), { tenant: "locked" });
  const abort = new AbortController();
  const holding = problemIn(running.engine.update(holder, () => {}, abort.signal));
  while ((await locksOf("hang", "locked")) === 0) await sleep(50);
  const problem = await problemIn(running.engine.update(running.request(program("hang"), { tenant: "locked" }), () => {}));
  assert.equal(problem.code, "stack_locked");
  assert.equal(await locksOf("hang", "locked"), 1);
  abort.abort();
  await holding;
});

test("the processes of an update have no credential and no secret of the service in their environment", async () => {
  process.env["DRAWBRIDGE_ADMIN_TOKEN"] = "the-admin-token";
  const request = running.request(program("hang"), { tenant: "peek" });
  const abort = new AbortController();
  const update = problemIn(running.engine.update(request, () => {}, abort.signal));
  const pids = await pidsOf(`${request.operationId}-1`);
  const { platform, tenant } = running.sandbox.accounts;
  for (const pid of pids) {
    const environment = await readFile(`/proc/${pid}/environ`, "utf8");
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8");
    for (const secret of [platform.accessKeyId, platform.secretAccessKey, tenant.accessKeyId, tenant.secretAccessKey, "the-admin-token"])
      assert.ok(!environment.includes(secret) && !command.includes(secret));
    assert.match(environment, /DRAWBRIDGE_RUNNER=/);
  }
  delete process.env["DRAWBRIDGE_ADMIN_TOKEN"];
  abort.abort();
  await update;
});

test("locks name their holders", async () => {
  const request = running.request(program("slow"), { tenant: "who" });
  const update = running.engine.update(request, () => {});
  const state = openState(request.address, running.state);
  let locks = await state.listLocks();
  for (; locks.length === 0; locks = await state.listLocks()) await sleep(20);
  assert.equal(locks[0]?.hostname, hostname());
  assert.ok((await findByMarker({ operation: `${request.operationId}-1` }))?.includes(locks[0]?.pid ?? 0));
  await update;
  state.close();
});
