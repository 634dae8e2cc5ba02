/** The real service, with one or several replicas, against the emulator. The fault proxy is between them. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { IAMClient } from "@aws-sdk/client-iam";
import { KMSClient } from "@aws-sdk/client-kms";
import { S3Client } from "@aws-sdk/client-s3";
import { platformThings, sandboxRegion } from "../../sandbox/accounts.ts";
import type { Answer, Api } from "../../sandbox/api.ts";
import { type Sandbox, startSandbox } from "../../sandbox/sandbox.ts";
import type { RunningService } from "../../sandbox/service.ts";
import { ensureSandboxPlugin } from "../../setup/aws-plugin.ts";
import type { Operation } from "../../src/model/operation.ts";
import { layDatabase } from "../support/made-database.ts";
import type { Aws } from "./inventory.ts";
import { type FaultProxy, startProxy } from "./proxy.ts";
import { type Replica, startReplica } from "./replica.ts";
import type { Victim } from "./victims.ts";

export interface Rig {
  sandbox: Sandbox;
  proxy: FaultProxy;
  replicas: readonly Replica[];
  /** The account of the rig's tenants */
  account: "tenant" | "neighbour";
  /** Clients of that account's administrator; they bypass the proxy */
  aws: Aws;
  /** Clients of the platform's account, for the state bucket */
  platform: Aws;
  stateBucket: string;
  /** The service of the first replica */
  service(): RunningService;
  api(): Api;
  /** Kills processes of the first replica. A killed service is started again at once, as a supervisor would do. */
  kill(victim: Victim): Promise<number>;
  /** Ends the first replica in good order and starts it again. Returns its exit code. */
  restart(signal?: NodeJS.Signals): Promise<number | null>;
  /** Makes a call. While a replica is away, the call is sent again to the next replica. */
  call<T>(method: string, route: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
  /** Waits until the operation has ended. Rejects after `seconds`. */
  finished(id: string, seconds: number): Promise<Operation>;
  tenant(name: string): Promise<void>;
  /** How many processes of updates run now: of one operation, or of all. */
  updating(operation?: string): Promise<number>;
  stop(): Promise<void>;
}

export interface RigOptions {
  /** More than one replica needs `databaseUrl`. */
  replicas?: number;
  databaseUrl?: string;
  /** An emulator that another rig also uses. Default: an emulator for this rig alone */
  sandbox?: Sandbox;
  /** Default: `tenant`. Rigs that share an emulator use different accounts. */
  account?: "tenant" | "neighbour";
}

/** High limits: the usual limits for a caller would only slow a campaign down. */
const generous = {
  DRAWBRIDGE_REQUESTS_PER_MINUTE: "1000000",
  DRAWBRIDGE_WRITES_PER_MINUTE: "1000000",
  DRAWBRIDGE_DESTROYS_PER_HOUR: "1000000",
};

/** Starts everything. `environment` contains further variables for the service. */
export async function startRig(environment: Record<string, string> = {}, options: RigOptions = {}): Promise<Rig> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), "drawbridge-faults-"));
  const sandbox = options.sandbox ?? (await startSandbox({ dataDir, log: () => {}, onlyStandIn: true }));
  const { account = "tenant" } = options;
  const proxy = await startProxy(sandbox.awsEndpoint);
  const token = `dbr_faults_${"x".repeat(32)}`;
  const common = {
    ...generous,
    AWS_ENDPOINT_URL: proxy.url,
    DRAWBRIDGE_STATE_URL: sandbox.stateUrl.replace(sandbox.awsEndpoint, proxy.url),
    ...(options.databaseUrl && { DATABASE_URL: options.databaseUrl }),
    ...environment,
  };
  const replica = async (index: number) => {
    const folder = path.join(dataDir, `replica-${index}`);
    const pulumiHome = path.join(folder, "pulumi-home");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (options.databaseUrl === undefined) layDatabase(folder);
    const standIn = path.join(import.meta.dirname, "../../sandbox/stand-in/main.ts");
    await ensureSandboxPlugin({ pulumiHome, cliRoot: sandbox.cli.root, log: () => {}, standIn, onlyStandIn: true });
    const own = { DRAWBRIDGE_DATA_DIR: folder, PULUMI_HOME: pulumiHome };
    return startReplica({ sandbox, environment: { ...common, ...own }, pulumiHome, token });
  };
  const replicas: Replica[] = [];
  for (let index = 0; index < (options.replicas ?? 1); index++) replicas.push(await replica(index));
  const [first] = replicas as [Replica];

  const clients = (account: { accessKeyId: string; secretAccessKey: string }): Aws => {
    const shared = { endpoint: sandbox.awsEndpoint, region: sandboxRegion, credentials: account };
    return { iam: new IAMClient(shared), s3: new S3Client({ ...shared, forcePathStyle: true }), kms: new KMSClient(shared) };
  };

  let asked = 0;
  const call = async <T>(method: string, route: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> => {
    for (let attempt = 1; ; attempt++) {
      const one = replicas[asked % replicas.length] ?? first;
      if (replicas.length === 1) await one.settled();
      try {
        return await one.api().call<T>(method, route, { headers, ...(body !== undefined && { body }) });
      } catch (error) {
        asked += 1;
        if (attempt === 80) throw error;
        await sleep(250);
      }
    }
  };

  return {
    sandbox,
    proxy,
    replicas,
    account,
    aws: clients(sandbox.accounts[account]),
    platform: clients(sandbox.accounts.platform),
    stateBucket: platformThings.stateBucket,
    service: first.service,
    api: first.api,
    kill: first.kill,
    restart: first.restart,
    call,
    async finished(id, seconds) {
      const end = Date.now() + seconds * 1000;
      for (let pause = 50; ; pause = Math.min(pause * 1.3, 500)) {
        const { body } = await call<Operation>("GET", `/v1/operations/${id}`);
        if (body.finishedAt !== undefined) return body;
        if (Date.now() > end) throw new Error(`operation ${id} is ${body.state} after ${seconds} s\n${first.service().tail()}`);
        await sleep(pause);
      }
    },
    async tenant(name) {
      const { accountId, region, provisioningRoleArn } = sandbox.accounts[account];
      const request = { accountId, region, access: { mode: "assume-role", roleArn: provisioningRoleArn } };
      const { body } = await call<{ provisioning: { externalId: string } }>("PUT", `/v1/tenants/${name}`, request);
      await sandbox.trustProvisioner(body.provisioning.externalId, account);
    },
    updating: async (operation) => (await Promise.all(replicas.map((one) => one.updating(operation)))).reduce((sum, n) => sum + n, 0),
    async stop() {
      await Promise.all(replicas.map((one) => one.stop()));
      await proxy.close();
      if (options.sandbox === undefined) await sandbox.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
