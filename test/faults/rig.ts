/** The real service against the emulator with the fault proxy between them; it is started again whenever it was killed. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { IAMClient } from "@aws-sdk/client-iam";
import { KMSClient } from "@aws-sdk/client-kms";
import { S3Client } from "@aws-sdk/client-s3";
import { platformThings, sandboxRegion } from "../../sandbox/accounts.ts";
import { type Answer, type Api, createApi } from "../../sandbox/api.ts";
import { type Sandbox, startSandbox } from "../../sandbox/sandbox.ts";
import { type RunningService, startService } from "../../sandbox/service.ts";
import type { Operation } from "../../src/operations/operation.ts";
import type { Aws } from "./inventory.ts";
import { type FaultProxy, startProxy } from "./proxy.ts";
import { kill, updateProcesses, type Victim } from "./victims.ts";

export interface Rig {
  sandbox: Sandbox;
  proxy: FaultProxy;
  /** The tenant's administrator, past the proxy */
  aws: Aws;
  /** The platform's side, for the state bucket */
  platform: Aws;
  stateBucket: string;
  service(): RunningService;
  api(): Api;
  /** Kills; a killed service is started again at once, as a supervisor would. */
  kill(victim: Victim): Promise<number>;
  /** Ends the service in good order and starts it again. Answers its exit code. */
  restart(signal?: NodeJS.Signals): Promise<number | null>;
  /** A call that is made again while the service is away. */
  call<T>(method: string, route: string, body?: unknown): Promise<Answer<T>>;
  /** Looks until the operation has ended; rejects after `seconds`. */
  finished(id: string, seconds: number): Promise<Operation>;
  tenant(name: string, account?: "tenant" | "neighbour"): Promise<void>;
  /** Update processes that live now. */
  updating(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts everything. `environment` is more for the service. */
export async function startRig(environment: Record<string, string> = {}): Promise<Rig> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), "drawbridge-faults-"));
  const sandbox = await startSandbox({ dataDir, log: () => {}, onlyStandIn: true });
  const proxy = await startProxy(sandbox.awsEndpoint);
  const options = {
    environment: {
      AWS_ENDPOINT_URL: proxy.url,
      DRAWBRIDGE_STATE_URL: sandbox.stateUrl.replace(sandbox.awsEndpoint, proxy.url),
      ...environment,
    },
  };
  const token = `dbr_faults_${"x".repeat(32)}`;
  const start = () => startService(sandbox, { environment: { ...options.environment, DRAWBRIDGE_ADMIN_TOKEN: token } });
  let running = await start();
  let api = createApi({ url: running.url, token });
  let starting: Promise<void> = Promise.resolve();

  const again = () => {
    starting = starting
      .then(() => start())
      .then((next) => {
        running = next;
        api = createApi({ url: next.url, token });
      });
    return starting;
  };
  const clients = (account: { accessKeyId: string; secretAccessKey: string }): Aws => {
    const shared = { endpoint: sandbox.awsEndpoint, region: sandboxRegion, credentials: account };
    return { iam: new IAMClient(shared), s3: new S3Client({ ...shared, forcePathStyle: true }), kms: new KMSClient(shared) };
  };

  const call = async <T>(method: string, route: string, body?: unknown): Promise<Answer<T>> => {
    for (let attempt = 1; ; attempt++) {
      await starting;
      try {
        return await api.call<T>(method, route, body === undefined ? {} : { body });
      } catch (error) {
        if (attempt === 40) throw error;
        await sleep(250);
      }
    }
  };

  const rig: Rig = {
    sandbox,
    proxy,
    aws: clients(sandbox.accounts.tenant),
    platform: clients(sandbox.accounts.platform),
    stateBucket: platformThings.stateBucket,
    service: () => running,
    api: () => api,
    async kill(victim) {
      const dead = await kill(victim, running.process.pid, sandbox.pulumiHome);
      if (victim === "service" || victim === "machine") void again().catch(() => {});
      return dead;
    },
    async restart(signal = "SIGTERM") {
      const { process: child } = running;
      const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
      child.kill(signal);
      const code = await ended;
      await again();
      return code;
    },
    call,
    async finished(id, seconds) {
      const end = Date.now() + seconds * 1000;
      for (;;) {
        const { body } = await call<Operation>("GET", `/v1/operations/${id}`);
        if (body.finishedAt !== undefined) return body;
        if (Date.now() > end) throw new Error(`operation ${id} is ${body.state} after ${seconds} s\n${running.tail()}`);
        await sleep(100);
      }
    },
    async tenant(name, account = "tenant") {
      const { accountId, region, provisioningRoleArn } = sandbox.accounts[account];
      const wish = { accountId, region, access: { mode: "assume-role", roleArn: provisioningRoleArn } };
      const { body } = await call<{ provisioning: { externalId: string } }>("PUT", `/v1/tenants/${name}`, wish);
      await sandbox.trustProvisioner(body.provisioning.externalId, account);
    },
    updating: async () => (await updateProcesses(sandbox.pulumiHome)).filter(({ kind }) => kind !== "runner").length,
    async stop() {
      await starting.catch(() => {});
      await running.stop();
      await proxy.close();
      await sandbox.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  return rig;
}
