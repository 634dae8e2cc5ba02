/** A sandbox with the real service in it, for one test file. Tests act as the customer, the vendor and an API client. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { IAMClient } from "@aws-sdk/client-iam";
import { KMSClient } from "@aws-sdk/client-kms";
import { S3Client } from "@aws-sdk/client-s3";
import { sandboxRegion } from "../../sandbox/accounts.ts";
import { type Api, createApi } from "../../sandbox/api.ts";
import { type Sandbox, type SandboxOptions, startSandbox } from "../../sandbox/sandbox.ts";
import { type RunningService, type ServiceOptions, startService } from "../../sandbox/service.ts";
import { asTenantAdmin } from "../../sandbox/vendor.ts";
import type { Credentials } from "../../src/engine/engine.ts";
import type { IntegrationView, TenantView } from "../../src/http/views/schemas.ts";
import type { Operation } from "../../src/model/operation.ts";
import { layDatabase } from "./made-database.ts";

export interface World {
  sandbox: Sandbox;
  service: RunningService;
  api: Api;
  /** Registers a tenant of the sandbox's account and opens its provisioning role to the service. */
  tenant(name: string, account?: "tenant" | "neighbour"): Promise<TenantView>;
  /** PUTs an integration, follows its operation to the end and answers both. */
  put(tenant: string, name: string, body: unknown): Promise<{ operation: Operation; integration: IntegrationView }>;
  /** A PUT whose plan somebody else must approve, with that approval. */
  putApproved(tenant: string, name: string, body: object): Promise<{ operation: Operation; integration: IntegrationView }>;
  destroy(tenant: string, name: string): Promise<Operation>;
  /** Clients of AWS itself, as the customer's administrator unless told otherwise. */
  aws(credentials?: Credentials): { iam: IAMClient; s3: S3Client; kms: KMSClient };
  /** Ends the service (SIGTERM) and starts it again on the same data. */
  restart(options?: ServiceOptions): Promise<void>;
  stop(): Promise<void>;
}

/** Something between the service and AWS. */
type Between = (sandbox: Sandbox) => Promise<{ url: string; close(): Promise<void> }>;

/** A data folder that was laid before, and what fills its AWS. */
type Laid = { dataDir: string } & Required<Pick<SandboxOptions, "fill">>;

async function emptyFolder(): Promise<{ dataDir: string }> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), "drawbridge-test-"));
  layDatabase(dataDir);
  return { dataDir };
}

/** Starts everything; call `stop` in `after`. Says what the service last logged when a start fails. */
export async function startWorld(asked: ServiceOptions = {}, between?: Between, laid?: Laid): Promise<World> {
  const sandbox = await startSandbox({ ...(laid ?? (await emptyFolder())), log: () => {}, onlyStandIn: true });
  const { dataDir } = sandbox;
  const middle = await between?.(sandbox);
  const through = (more: ServiceOptions): ServiceOptions =>
    middle ? { ...more, environment: { AWS_ENDPOINT_URL: middle.url, ...more.environment } } : more;
  const service = await startService(sandbox, through(asked)).catch(async (error) => {
    await middle?.close();
    await sandbox.stop();
    throw error;
  });
  const world: World = {
    sandbox,
    service,
    api: createApi(service),
    async tenant(name, account = "tenant") {
      const { accountId, region, provisioningRoleArn } = sandbox.accounts[account];
      const body = { accountId, region, access: { mode: "assume-role", roleArn: provisioningRoleArn } };
      const answer = await world.api.call<TenantView>("PUT", `/v1/tenants/${name}`, { body });
      if (answer.status !== 201) throw new Error(`registering ${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
      await sandbox.trustProvisioner(answer.body.provisioning.externalId, account);
      return answer.body;
    },
    async put(tenant, name, body) {
      const route = `/v1/tenants/${tenant}/integrations/${name}`;
      const there = await world.api.call("GET", route);
      const etag = there.status === 200 ? there.headers.get("etag") : null;
      const answer = await world.api.call<{ operation: Operation }>("PUT", route, { body, headers: etag ? { "if-match": etag } : {} });
      if (answer.status !== 202) throw new Error(`PUT ${route}: ${answer.status} ${JSON.stringify(answer.body)}`);
      const operation = await world.api.finished(answer.body.operation.id);
      return { operation, integration: (await world.api.call<IntegrationView>("GET", route)).body };
    },
    async putApproved(tenant, name, body) {
      const route = `/v1/tenants/${tenant}/integrations/${name}`;
      const there = await world.api.call("GET", route);
      const etag = there.status === 200 ? there.headers.get("etag") : null;
      const asked = await world.api.call<{ operation: Operation }>("PUT", route, { body, headers: etag ? { "if-match": etag } : {} });
      const held = await settledOperation(world.api, asked.body.operation.id);
      if (held.state !== "awaiting-approval") throw new Error(`PUT ${route} awaits no approval: ${JSON.stringify(held)}`);
      const own = { subject: "second-person", tenants: "*", scopes: ["read", "approve"] };
      const { body: key } = await world.api.call<{ key: string }>("POST", "/v1/keys", { body: own });
      const approver = createApi({ url: world.service.url, token: key.key });
      const approval = await approver.call("POST", `/v1/operations/${held.id}/approve`, { body: { planHash: held.planHash } });
      if (approval.status !== 200) throw new Error(`approving ${held.id}: ${approval.status} ${JSON.stringify(approval.body)}`);
      const operation = await world.api.finished(held.id);
      return { operation, integration: (await world.api.call<IntegrationView>("GET", route)).body };
    },
    async destroy(tenant, name) {
      const answer = await world.api.call<{ operation: Operation }>("DELETE", `/v1/tenants/${tenant}/integrations/${name}`);
      if (answer.status !== 202) throw new Error(`DELETE ${tenant}/${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return world.api.finished(answer.body.operation.id);
    },
    aws(credentials = asTenantAdmin(sandbox)) {
      const shared = { endpoint: sandbox.awsEndpoint, region: sandboxRegion, credentials };
      return { iam: new IAMClient(shared), s3: new S3Client({ ...shared, forcePathStyle: true }), kms: new KMSClient(shared) };
    },
    async restart(again = asked) {
      await world.service.stop();
      world.service = await startService(sandbox, through(again));
      world.api = createApi(world.service);
    },
    async stop() {
      await world.service.stop();
      await middle?.close();
      await sandbox.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  return world;
}

/** Looks until the operation has ended or waits for an approval. */
export async function settledOperation(api: Api, id: string): Promise<Operation> {
  for (;;) {
    const { body: operation } = await api.call<Operation>("GET", `/v1/operations/${id}`);
    if (!["queued", "running"].includes(operation.state)) return operation;
    await sleep(100);
  }
}
