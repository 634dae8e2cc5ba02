/** Preview: what an `up` would do, from the engine's plan and the documents that would change. Writes nothing. */
import { referencesOf } from "../../stacks/references.ts";
import type { UpRequest } from "../model/integration.ts";
import { openOperation } from "../operations/open.ts";
import type { Run } from "../operations/run.ts";
import type { StoredOperation } from "../store/operations.ts";
import { enterAccount } from "./account.ts";
import type { Context } from "./context.ts";
import { desiredIntegrationOf, upRequestOf } from "./desired-integration.ts";
import { desiredStacks } from "./desired-stacks.ts";
import { requireTenant } from "./lookup.ts";
import { preflight } from "./preflight.ts";
import { type PutRequest, type Refuse, readRequest } from "./put.ts";
import { giverOf, keyGrants } from "./stacks/key-ladder.ts";
import { planStacks } from "./stacks/plan.ts";
import { stackId, type Work } from "./work.ts";

/** What a preview operation carries. */
interface PreviewRequest extends UpRequest {
  name: string;
}

/**
 * Accepts a preview. It is checked like a PUT, but it changes no record and waits for no other operation.
 *
 * @throws ProblemError as readRequest
 */
export async function previewIntegration(context: Context, request: PutRequest, refuse?: Refuse): Promise<StoredOperation> {
  const { tenant, next } = await readRequest(context, request, refuse);
  const frozen: PreviewRequest = { name: next.name, ...upRequestOf(next) };
  return context.store.db.transaction().execute((trx) =>
    openOperation(context, trx, {
      kind: "preview",
      tenant: tenant.name,
      integration: next.name,
      request: { ...frozen },
      requestedBy: request.requestedBy,
      deadlineSeconds: context.operationSeconds,
    }),
  );
}

/** Runs a preview. Its result has each stack's planned steps and the difference of every document. */
export async function preview(context: Context, run: Run, request: PreviewRequest): Promise<void> {
  const tenant = await requireTenant(context, run.operation.tenant ?? "");
  const desired = desiredStacks(tenant, await desiredIntegrationOf(context, request, request.name));
  const account = await run.step("enter-account", () => enterAccount(context, tenant, run.operation.id));
  const work: Work = { context, run, account, integration: request.name };
  const { warnings, keys } = await run.step("preflight", () => preflight(account, request.name, desired));
  const specs = [...desired.specs, ...keyGrants(request.name, desired, keys, giverOf(tenant))];
  const stacks = await run.step("plan", () => planStacks(work, specs));
  run.result = { stacks, warnings, order: specs.map((spec) => ({ stack: stackId(spec), after: referencesOf(spec).map(stackId) })) };
}
