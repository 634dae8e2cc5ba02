/** Preview: what an `up` would do, by the engine's own plan and by the documents that would change. Nothing is written. */
import { referencesOf } from "../../stacks/references.ts";
import type { UpRequest } from "../model/integration.ts";
import { openOperation } from "../operations/open.ts";
import type { Run } from "../operations/run.ts";
import type { StoredOperation } from "../store/operations.ts";
import { enterAccount } from "./account.ts";
import { desiredStacks } from "./desired-stacks.ts";
import { preflight } from "./preflight.ts";
import { type PutRequest, type Refuse, readRequest } from "./put.ts";
import type { Shell } from "./shell.ts";
import { giverOf, keyGrants } from "./stacks/key-ladder.ts";
import { planStacks } from "./stacks/plan.ts";
import { requireTenant } from "./subject.ts";
import { upRequestOf, wishOf } from "./wish.ts";
import { stackId, type Work } from "./work.ts";

/** What a preview operation carries. */
interface PreviewRequest extends UpRequest {
  name: string;
}

/**
 * Accepts a preview: checked like a PUT, but it changes no record and queues behind nobody.
 *
 * @throws ProblemError as readRequest
 */
export async function previewIntegration(shell: Shell, request: PutRequest, refuse?: Refuse): Promise<StoredOperation> {
  const { tenant, next } = await readRequest(shell, request, refuse);
  const frozen: PreviewRequest = { name: next.name, ...upRequestOf(next) };
  return shell.store.db.transaction().execute((trx) =>
    openOperation(shell, trx, {
      kind: "preview",
      tenant: tenant.name,
      integration: next.name,
      request: { ...frozen },
      requestedBy: request.requestedBy,
      deadlineSeconds: shell.operationSeconds,
    }),
  );
}

/** Runs a preview; its result holds each stack's planned steps and the difference of every document. */
export async function preview(shell: Shell, run: Run, request: PreviewRequest): Promise<void> {
  const tenant = await requireTenant(shell, run.operation.tenant ?? "");
  const desired = desiredStacks(tenant, await wishOf(shell, request, request.name));
  const account = await run.step("enter-account", () => enterAccount(shell, tenant, run.operation.id));
  const work: Work = { shell, run, account, integration: request.name };
  const { warnings, keys } = await run.step("preflight", () => preflight(account, request.name, desired));
  const specs = [...desired.specs, ...keyGrants(request.name, desired, keys, giverOf(tenant))];
  const stacks = await run.step("plan", () => planStacks(work, specs));
  run.result = { stacks, warnings, order: specs.map((spec) => ({ stack: stackId(spec), after: referencesOf(spec).map(stackId) })) };
}
