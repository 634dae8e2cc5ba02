/** The service's store, queue and reconcile verb, with children that only write down that they ran: no AWS, no Pulumi. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { rightsLookup } from "../../src/access/identity/rights.ts";
import { pushSourceName } from "../../src/gitops/push-source.ts";
import { reconcile } from "../../src/gitops/reconcile.ts";
import type { Item } from "../../src/gitops/reconcile-items.ts";
import type { Context } from "../../src/integrations/context.ts";
import { nextRecord } from "../../src/integrations/decide.ts";
import { desiredIntegrationAt, recordedIntegration, upRequestOf } from "../../src/integrations/desired-integration.ts";
import { desiredStacks } from "../../src/integrations/desired-stacks.ts";
import { lookUpOperation, requireTenant } from "../../src/integrations/lookup.ts";
import type { VisibleTenants } from "../../src/model/caller.ts";
import { isTerminal } from "../../src/model/operation.ts";
import type { TenantRecord } from "../../src/model/tenant.ts";
import { createCancelRegistry } from "../../src/operations/cancel.ts";
import { openQueue } from "../../src/operations/queue/open-queue.ts";
import { operationHandler, type Run } from "../../src/operations/run.ts";
import { changeIntegration, saveIntegration } from "../../src/store/integrations.ts";
import { findOperation, type StoredOperation } from "../../src/store/operations.ts";
import { claimMembers } from "../../src/store/sources.ts";
import { backends, silent } from "../store/backends.ts";

export interface GitopsRig {
  context: Context;
  /** `up acme/c1`, in order of their ends */
  ran: string[];
  /** What children do beside that; a throw fails them. */
  during: { child: (run: Run) => Promise<void> };
  /** Waits until it has ended or waits for an approval. */
  ended(id: string): Promise<StoredOperation>;
  /** Leaves integrations as a push and their `up`s would: a thousand of those take a minute. */
  stand(manifests: readonly ReturnType<typeof integrationManifest>[], repository: string): Promise<void>;
  close(): Promise<void>;
}

const unused = <T extends object>(name: string): T =>
  new Proxy({} as T, {
    get: (_target, property) => {
      throw new Error(`${name}.${String(property)} was used`);
    },
  });

export async function startGitopsRig({ concurrency = 2, secretsDir = "/nowhere" } = {}): Promise<GitopsRig> {
  const backend = backends[0];
  if (!backend) throw new Error("no store to test on");
  const { store, remove } = await backend.open();
  const queue = await openQueue({ store, log: silent, concurrency });
  const context: Context = {
    store,
    queue,
    engine: unused("the engine"),
    sts: unused("AWS"),
    reach: {},
    writeGates: () => async (_write, send) => send(),
    log: silent,
    stateUrl: "s3://state?region=us-east-1",
    ownCredentials: false,
    operationSeconds: 60,
    secretsDir,
    owner: randomUUID(),
    now: () => new Date().toISOString(),
    rightsOf: rightsLookup({ db: store.db, issuers: [] }),
  };
  const rig: GitopsRig = {
    context,
    ran: [],
    during: { child: async () => {} },
    async ended(id) {
      for (let look = 0; look < 600; look += 1) {
        const operation = await findOperation(store.db, id);
        if (operation && (isTerminal(operation.state) || operation.state === "awaiting-approval")) return operation;
        await sleep(50);
      }
      throw new Error(`operation ${id} didn't end`);
    },
    async stand(manifests, repository) {
      const owners = new Map<string, TenantRecord>();
      await store.db.transaction().execute(async (trx) => {
        for (const { metadata, spec } of manifests) {
          const { tenant, name } = metadata;
          const owner = owners.get(tenant) ?? (await requireTenant({ store: { ...store, db: trx } }, tenant));
          owners.set(tenant, owner);
          const record = nextRecord({ tenant, name, body: spec as never }, undefined, context.now());
          const desired = desiredIntegrationAt({ now: context.now(), revoked: undefined }, upRequestOf(record), name);
          const { specHash } = desiredStacks(owner, desired);
          await saveIntegration(trx, { ...record, lastUp: { operation: randomUUID(), succeeded: true, specHash } });
        }
        const members = manifests.map(({ metadata: { tenant, name } }) => ({ kind: "Integration" as const, tenant, name, labels: {} }));
        await claimMembers(trx, pushSourceName(repository), members);
      });
    },
    async close() {
      await queue.close({ graceSeconds: 1 });
      await remove();
    },
  };
  const child = async (run: Run) => {
    await rig.during.child(run);
    const { kind, tenant = "", integration = "" } = run.operation;
    const { tenant: owner, record } = await lookUpOperation(context, run);
    const { specHash } = desiredStacks(owner, await recordedIntegration(context, record));
    await changeIntegration(store.db, tenant, integration, (now) =>
      kind === "destroy"
        ? { ...now, stacks: [], externalIds: [], goneAt: context.now() }
        : { ...now, lastUp: { operation: run.operation.id, succeeded: true, specHash } },
    );
    rig.ran.push(`${kind} ${tenant}/${integration}`);
  };
  const cancels = createCancelRegistry();
  await queue.start(
    operationHandler(
      { store, log: silent, cancels, owner: context.owner },
      ({ kind, request }) =>
        (run) =>
          kind === "reconcile" ? reconcile(context, run, request as never) : child(run),
    ),
  );
  return rig;
}

export const everybody = {
  subject: "ci",
  tenants: "*" as VisibleTenants,
  mayDestroy: true,
  administers: true,
  credential: { kind: "admin" as const },
};

export const tenantManifest = (name: string, accountId = "222222222222") => ({
  apiVersion: "drawbridge/v1" as const,
  kind: "Tenant" as const,
  metadata: { name },
  spec: {
    accountId,
    region: "us-east-1",
    access: { mode: "assume-role", roleArn: `arn:aws:iam::${accountId}:role/DrawbridgeProvisioning` },
  },
});

export const integrationManifest = (tenant: string, name: string, parameters: Record<string, unknown> = {}) => ({
  apiVersion: "drawbridge/v1" as const,
  kind: "Integration" as const,
  metadata: { tenant, name },
  spec: { blueprint: "conductorone-s3", parameters: { bucket: `data-of-${name}`, roleName: `C1-${name}`, ...parameters } } as Record<
    string,
    unknown
  >,
});

/** What a reconcile says of each manifest. */
export const itemsOf = (operation: StoredOperation): Item[] => (operation.result?.["items"] ?? []) as Item[];
