/** A sandbox with an engine, and requests for it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Sandbox, startSandbox } from "../../sandbox/sandbox.ts";
import { createEngine } from "../../src/engine/create-engine.ts";
import type { Credentials, Engine, StepEvent, UpdateRequest, UpdateResult } from "../../src/engine/engine.ts";
import type { EngineConfig } from "../../src/engine/engine-config.ts";
import { stackAddress } from "../../stacks/name.ts";
import type { StackSpec } from "../../stacks/stack.ts";

export interface Running {
  sandbox: Sandbox;
  engine: Engine;
  state: Credentials;
  /** A request for one of the tenant's stacks. Each request has its own operation id. */
  request(spec: StackSpec, options?: Partial<UpdateRequest> & { tenant?: string }): UpdateRequest;
  run(spec: StackSpec, options?: Partial<UpdateRequest> & { tenant?: string }): Promise<UpdateResult & { told: StepEvent[] }>;
  stop(): Promise<void>;
}

/** Starts both in their own folder. */
export async function startRunning(more: Partial<EngineConfig> = {}): Promise<Running> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "engine-"));
  const sandbox = await startSandbox({ dataDir, log: () => {}, onlyStandIn: true });
  const engine = createEngine({
    cliRoot: sandbox.cli.root,
    pulumiHome: sandbox.pulumiHome,
    dataDir,
    ...(process.env.NODE_COMPILE_CACHE && { compileCache: process.env.NODE_COMPILE_CACHE }),
    stateUrl: sandbox.stateUrl,
    awsEndpoint: sandbox.awsEndpoint,
    secrets: { provider: "passphrase", passphrase: "for tests" },
    runners: 1,
    recycleAfter: 50,
    ...more,
  });
  const state = sandbox.accounts.platform;
  let operations = 0;
  const request: Running["request"] = (spec, { tenant = "acme", ...options } = {}) => {
    const { accountId, region, ...credentials } = sandbox.accounts.tenant;
    operations += 1;
    return {
      operationId: `op${operations}`,
      epoch: 1,
      action: "up",
      spec,
      address: stackAddress(sandbox.stateUrl, tenant, spec.kind, spec.key),
      target: { accountId, region, credentials },
      state: { credentials: state },
      deadlineSeconds: 120,
      ...options,
    };
  };
  return {
    sandbox,
    engine,
    state,
    request,
    async run(spec, options) {
      const told: StepEvent[] = [];
      const result = await engine.update(request(spec, options), (step) => told.push(step));
      return { ...result, told };
    },
    async stop() {
      await engine.close();
      await sandbox.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
