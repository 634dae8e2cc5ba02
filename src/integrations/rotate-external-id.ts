/** POST …/external-id: supplies the awaited id, or replaces the current one in place. */

import type { Credential } from "../model/caller.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import { problemOf } from "../problem.ts";
import { integrationsWithExpiredIds } from "../store/integrations.ts";
import type { StoredOperation } from "../store/operations.ts";
import { accept, readAgain } from "./accept.ts";
import { isBeingRemoved } from "./being-removed.ts";
import type { Context } from "./context.ts";
import { approvedRequestOf, desiredIntegrationOf, recordedIntegration } from "./desired-integration.ts";
import { desiredStacks, requireBlueprint } from "./desired-stacks.ts";
import { nextExternalIds } from "./external-ids.ts";
import { handshakeOf } from "./handshake.ts";
import { findTenantIntegration } from "./lookup.ts";
import { refuseForeignIds } from "./put.ts";

export interface RotateRequest {
  tenant: string;
  name: string;
  externalId: string;
  /** minutes for which both ids work; 0 ends the old one at once */
  overlapMinutes: number;
  requestedBy: string;
  credential?: Credential;
}

/**
 * Accepts a new external id. The role keeps its id. The old external id stops when the overlap ends, and can never be used again.
 *
 * @throws ProblemError not_found, invalid_parameters, external_id_superseded, external_id_taken
 */
export function rotateExternalId(context: Context, request: RotateRequest): Promise<StoredOperation> {
  return readAgain(() => rotateOnce(context, request));
}

async function rotateOnce(context: Context, request: RotateRequest): Promise<StoredOperation> {
  const { tenant, record } = await findTenantIntegration(context, request.tenant, request.name);
  const now = context.now();
  const blueprint = requireBlueprint(record.blueprint, record.version);
  const ids = nextExternalIds({
    rule: blueprint.externalId,
    given: request.externalId,
    before: record,
    now,
    pointer: "/externalId",
    overlapMinutes: request.overlapMinutes,
  });
  const changed: IntegrationRecord = { ...record, ...ids, updatedAt: now };
  const next = { ...changed, handshake: handshakeOf({ blueprint, record: changed, proof: undefined, now }) };
  await refuseForeignIds(context, next);
  const desired = desiredStacks(tenant, await recordedIntegration(context, next));
  return accept(context, {
    kind: "rotate",
    next,
    basis: record,
    desired,
    requestedBy: request.requestedBy,
    credential: request.credential,
  });
}

/**
 * Removes the old ids whose overlap has ended, each with an ordinary operation. Returns how many operations it opened. If it can't open one
 * (the blueprint no longer exists), it logs this and goes on with the others.
 */
export async function endOverlaps(context: Context): Promise<number> {
  let begun = 0;
  for (const { tenant, name: integration } of await integrationsWithExpiredIds(context.store.db, context.now())) {
    try {
      if (await readAgain(() => endOverlap(context, tenant, integration))) begun += 1;
    } catch (error) {
      context.log.warn("An overlap of external ids could not be ended", { tenant, integration, code: problemOf(error).code });
    }
  }
  return begun;
}

/** Returns whether it opened an operation. An integration that is being destroyed gets none. */
async function endOverlap(context: Context, tenantName: string, name: string): Promise<boolean> {
  const { tenant, record } = await findTenantIntegration(context, tenantName, name);
  if (await isBeingRemoved(context.store.db, record)) return false;
  const next = { ...record, externalIds: record.externalIds.filter((entry) => entry.until === undefined), updatedAt: context.now() };
  const request = approvedRequestOf(next);
  const desired = desiredStacks(tenant, await desiredIntegrationOf(context, request, name));
  await accept(context, { kind: "rotate", next, basis: record, desired, request, requestedBy: "drawbridge", writers: [] });
  return true;
}
