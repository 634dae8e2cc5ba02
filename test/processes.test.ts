import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { findByMarker, isAlive, isMarkerAlive, killByMarker, startTimeOf } from "../src/processes.ts";

async function start(script: string, environment: Record<string, string>) {
  const child = spawn(process.execPath, ["-e", `${script}; console.log("up")`], {
    env: environment,
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  return child;
}
const forever = "setInterval(() => {}, 1000)";

test("a marked process is found in a group of its own, and only under the exact mark", async (t) => {
  const operation = `${randomUUID()}-1`;
  const child = await start(forever, { DRAWBRIDGE_OPERATION: operation });
  t.after(() => child.kill("SIGKILL"));
  assert.deepEqual(await findByMarker({ operation }), [child.pid]);
  assert.equal(await isMarkerAlive({ operation: operation.slice(0, -1) }), false);
  assert.equal(await isMarkerAlive({ operation: `${operation}1` }), false);
  assert.equal(await isMarkerAlive({ runner: operation }), false);
});

test("a process that ignores SIGTERM is killed after the grace, and all marked ones go", async () => {
  const runner = randomUUID();
  const children = await Promise.all([
    start(`process.on("SIGTERM", () => {}); ${forever}`, { DRAWBRIDGE_RUNNER: runner }),
    start(forever, { DRAWBRIDGE_RUNNER: runner }),
  ]);
  const { seen, gone } = await killByMarker({ runner }, { graceMs: 200 });
  assert.ok(gone);
  assert.deepEqual(seen.sort(), children.map(({ pid }) => pid).sort());
  assert.equal(await isMarkerAlive({ runner }), false);
});

test("a pid is told apart from its later bearer by its start time", async () => {
  const child = await start(forever, {});
  const pid = child.pid ?? 0;
  const started = await startTimeOf(pid);
  assert.match(started ?? "", /^\d+$/);
  assert.equal(await startTimeOf(pid), started);
  assert.equal(await isAlive(pid), true);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(await startTimeOf(pid), undefined);
  assert.equal(await isAlive(pid), false);
});
