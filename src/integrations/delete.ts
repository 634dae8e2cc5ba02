/** DELETE: accepts the teardown. It cancels operations that wait; a running one finishes first. */

import { checkPrecondition, integrationEtag } from "../model/etag.ts";
import { changingKinds } from "../model/operation.ts";
import { openOperation } from "../operations/open.ts";
import { changeIntegration, findIntegration } from "../store/integrations.ts";
import { openOperations, type StoredOperation } from "../store/operations.ts";
import { lockName } from "../store/tenants.ts";
import { cancelWaiting } from "../store/transitions.ts";
import type { Context } from "./context.ts";
import { noIntegration, requireTenant } from "./lookup.ts";

export interface DeleteRequest {
  tenant: string;
  name: string;
  ifMatch?: string;
  requestedBy: string;
}

/**
 * Accepts the teardown of an integration. A second request while the first is under way returns the first operation.
 *
 * @throws ProblemError not_found, precondition_failed
 */
export async function deleteIntegration(context: Context, request: DeleteRequest): Promise<StoredOperation> {
  const tenant = await requireTenant(context, request.tenant);
  const record = await findIntegration(context.store.db, tenant.name, request.name);
  if (!record || record.goneAt !== undefined) throw noIntegration();
  checkPrecondition(integrationEtag(record), request.ifMatch, false);
  return context.store.db.transaction().execute(async (trx) => {
    await lockName(trx, { tenant: tenant.name });
    const open = await openOperations(trx, tenant.name, record.name);
    const destroying = open.find((operation) => operation.kind === "destroy");
    if (destroying && open.findLast(({ kind }) => changingKinds.includes(kind))?.id === destroying.id) return destroying;
    const operation = await openOperation(context, trx, {
      kind: "destroy",
      tenant: tenant.name,
      integration: record.name,
      stacks: record.stacks.map((stack) => stack.address),
      request: {},
      requestedBy: request.requestedBy,
      deadlineSeconds: context.operationSeconds,
    });
    for (const waiting of open.filter((one) => one.state !== "running"))
      await cancelWaiting(trx, waiting.id, { supersededBy: operation.id });
    await changeIntegration(trx, tenant.name, record.name, (now) => {
      if (now.goneAt !== undefined) throw noIntegration();
      checkPrecondition(integrationEtag(now), request.ifMatch, false);
      return { ...now, handshake: { state: "offboarding", awaiting: [] } };
    });
    return operation;
  });
}
