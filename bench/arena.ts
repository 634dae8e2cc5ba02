/** Where the bench runs: a sandbox, the service in it, and the stock sequence beside the service. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type Api, createApi } from "../sandbox/api.ts";
import { type Sandbox, startSandbox } from "../sandbox/sandbox.ts";
import { type RunningService, startService } from "../sandbox/service.ts";
import { assumeAs } from "../sandbox/vendor.ts";
import type { Credentials } from "../src/engine/engine.ts";
import type { TenantView } from "../src/http/views/schemas.ts";
import type { Operation } from "../src/model/operation.ts";
import { type CountedCli, countCli } from "./cli-count.ts";
import { type Stock, startStock } from "./stock/stock.ts";

export interface Arena {
  sandbox: Sandbox;
  service: RunningService;
  api: Api;
  stock: Stock;
  cli: Record<"ours" | "stock", CountedCli>;
  /** A session of the tenant's provisioning role, as an operation gets one. */
  target: Credentials;
  /** With which the service enters the tenant's account */
  externalId: string;
  tenant(name: string): Promise<TenantView>;
  /** The same at another service of this sandbox. */
  register(api: Api, name: string): Promise<TenantView>;
  /** Sends the wish and follows it to `succeeded`. @throws Error naming the problem when it ends otherwise */
  put(tenant: string, name: string, body: unknown): Promise<Operation>;
  destroy(tenant: string, name: string): Promise<Operation>;
  stop(): Promise<void>;
}

export interface ArenaOptions {
  /** More environment for the service */
  environment?: Record<string, string>;
  /** Endpoints that stand before the emulator and count. Made once it runs. */
  before?: (emulator: string) => Promise<{ state: string; aws: string; stop(): Promise<void> }>;
}

/**
 * Who encrypts secrets in state with a KMS key, as installations of ours do, instead of a passphrase: nobody, with `BENCH_SECRETS=awskms`
 * both sides, with `BENCH_SECRETS=installed` ours alone, since the stock example has no key.
 */
const secretsOf = process.env["BENCH_SECRETS"];
const underKey = { ours: secretsOf === "awskms" || secretsOf === "installed", stock: secretsOf === "awskms" };

/** Starts all of it, empty, with one tenant `acme`. */
export async function openArena({ environment, before }: ArenaOptions = {}): Promise<Arena> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), "drawbridge-bench-"));
  const sandbox = await startSandbox({ dataDir, log: () => {} });
  const stops: (() => Promise<unknown>)[] = [() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }), sandbox.stop];
  const stop = async () => {
    for (const end of stops.reverse()) await end();
  };
  try {
    const front = await before?.(sandbox.awsEndpoint);
    if (front) stops.push(front.stop);
    const cli = {
      ours: await countCli(sandbox.cli.root, path.join(dataDir, "cli-of-ours")),
      stock: await countCli(sandbox.cli.root, path.join(dataDir, "cli-of-stock")),
    };
    const secrets = underKey.ours ? { DRAWBRIDGE_SECRETS_PROVIDER: sandbox.secretsProvider } : {};
    const service = await startService(sandbox, {
      environment: { PULUMI_CLI_ROOT: cli.ours.root, ...secrets, ...environment, ...(front && throughFront(sandbox, front)) },
    });
    const kill = () => void service.process.kill();
    process.once("exit", kill);
    stops.push(async () => void process.off("exit", kill), service.stop);
    const api = createApi(service);
    const register = (at: Api, name: string) => registerTenant(sandbox, at, name);
    const tenant = (name: string) => register(api, name);
    const { provisioning } = await tenant("acme");
    const target = await assumeAs(sandbox, sandbox.accounts.platform, {
      roleArn: sandbox.accounts.tenant.provisioningRoleArn ?? "",
      sessionName: "bench",
      externalId: provisioning.externalId,
    });
    const endpoints = front && { stateEndpoint: front.state, awsEndpoint: front.aws };
    const stock = await startStock({ sandbox, cliRoot: cli.stock.root, target, underKey: underKey.stock, ...endpoints });
    stops.push(stock.stop);
    return { sandbox, service, api, stock, cli, target, externalId: provisioning.externalId, tenant, register, ...verbs(api), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function throughFront({ stateUrl, awsEndpoint }: Sandbox, front: { state: string; aws: string }): Record<string, string> {
  return { DRAWBRIDGE_STATE_URL: stateUrl.replace(awsEndpoint, front.state), AWS_ENDPOINT_URL: front.aws };
}

/** Registers a tenant in the sandbox's account, whose role trusts the service from then on. */
export async function registerTenant(sandbox: Sandbox, { call }: Api, name: string): Promise<TenantView> {
  const { accountId, region, provisioningRoleArn } = sandbox.accounts.tenant;
  const body = { accountId, region, access: { mode: "assume-role", roleArn: provisioningRoleArn } };
  const answer = await call<TenantView>("PUT", `/v1/tenants/${name}`, { body });
  if (answer.status >= 300) throw new Error(`registering ${name}: ${answer.status}`);
  await sandbox.trustProvisioner(answer.body.provisioning.externalId);
  return answer.body;
}

/** PUT and DELETE at one service, followed to their ends. */
export function verbs({ call, finished }: Api): Pick<Arena, "put" | "destroy"> {
  const followed = async (what: string, answer: { status: number; body: { operation: Operation } }) => {
    if (answer.status !== 202) throw new Error(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
    const operation = await finished(answer.body.operation.id);
    if (operation.state !== "succeeded") throw new Error(`${what} ended as ${operation.state}: ${operation.error?.detail}`);
    return operation;
  };
  return {
    async put(tenant, name, body) {
      const route = `/v1/tenants/${tenant}/integrations/${name}`;
      const etag = (await call("GET", route)).headers.get("etag");
      return followed(`PUT ${route}`, await call("PUT", route, { body, headers: etag ? { "if-match": etag } : {} }));
    },
    async destroy(tenant, name) {
      const route = `/v1/tenants/${tenant}/integrations/${name}`;
      return followed(`DELETE ${route}`, await call("DELETE", route));
    },
  };
}
