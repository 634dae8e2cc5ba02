import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineConfig } from "../../src/engine/engine-config.ts";
import { openState } from "../../src/engine/state/state-backend.ts";
import { isMarkerAlive } from "../../src/processes.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import { startRunning } from "./running-engine.ts";

const service = new URL("./doomed-service.ts", import.meta.url).pathname;

/** A separate service process with one hanging update, and the lock that shows that the update runs. */
async function startDoomed(t: TestContext) {
  const running = await startRunning();
  t.after(() => running.stop());
  const { sandbox } = running;
  const config: EngineConfig = {
    cliRoot: sandbox.cli.root,
    pulumiHome: sandbox.pulumiHome,
    dataDir: path.join(sandbox.dataDir, "doomed"),
    stateUrl: sandbox.stateUrl,
    awsEndpoint: sandbox.awsEndpoint,
    secrets: { provider: "passphrase", passphrase: "for tests" },
    runners: 1,
    recycleAfter: 50,
    registry: new URL("./misbehaving-programs.ts", import.meta.url).href,
  };
  const request = running.request({ kind: "collector", key: "hang", inputs: { behave: "hang" } } as unknown as StackSpec);
  const child = spawn(process.execPath, [service, JSON.stringify({ config, request })], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout, "data");
  const state = openState(request.address, running.state);
  t.after(() => state.close());
  while ((await state.listLocks()).length === 0) await sleep(50);
  return { child, config, state, runner: String(line).trim(), operation: `${request.operationId}-1` };
}

test("when the service is killed, its runner ends the update in time, releases the lock and leaves no credential", async (t) => {
  const { child, config, state, runner, operation } = await startDoomed(t);
  assert.equal(await isMarkerAlive({ operation }), true);
  child.kill("SIGKILL");
  const started = Date.now();
  while ((await isMarkerAlive({ operation })) || (await isMarkerAlive({ runner }))) {
    assert.ok(Date.now() - started < 20_000, "still alive");
    await sleep(100);
  }
  assert.deepEqual(await state.listLocks(), []);
  assert.deepEqual(await readdir(path.join(config.dataDir, "work")), []);
});
