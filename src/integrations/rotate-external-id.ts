/** POST …/external-id: supplies the id that is awaited, or replaces the one that is there, in place. */

import type { IntegrationRecord } from "../model/integration.ts";
import { problemOf } from "../problem.ts";
import { integrationsWithExpiredIds } from "../store/integrations.ts";
import type { StoredOperation } from "../store/operations.ts";
import { accept, readAgain } from "./accept.ts";
import { isBeingRemoved } from "./being-removed.ts";
import { desiredStacks, requireBlueprint } from "./desired-stacks.ts";
import { nextExternalIds } from "./external-ids.ts";
import { handshakeOf } from "./handshake.ts";
import { refuseForeignIds } from "./put.ts";
import type { Shell } from "./shell.ts";
import { findTenantIntegration } from "./subject.ts";
import { approvedRequestOf, recordedWish, wishOf } from "./wish.ts";

export interface RotateRequest {
  tenant: string;
  name: string;
  externalId: string;
  /** minutes for which the old id works beside the new one; 0 ends it at once */
  overlapMinutes: number;
  requestedBy: string;
}

/**
 * Accepts a new external id. The role keeps its id; the old external id stops with the overlap and never comes back.
 *
 * @throws ProblemError not_found, invalid_parameters, external_id_superseded, external_id_taken
 */
export function rotateExternalId(shell: Shell, request: RotateRequest): Promise<StoredOperation> {
  return readAgain(() => rotateOnce(shell, request));
}

async function rotateOnce(shell: Shell, request: RotateRequest): Promise<StoredOperation> {
  const { tenant, record } = await findTenantIntegration(shell, request.tenant, request.name);
  const now = shell.now();
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
  await refuseForeignIds(shell, next);
  const desired = desiredStacks(tenant, await recordedWish(shell, next));
  return accept(shell, { kind: "rotate", next, basis: record, desired, requestedBy: request.requestedBy });
}

/**
 * Takes the old ids away whose overlap is over, by an operation like any other. Answers how many were begun. One that can't be (its
 * blueprint is no longer there) is logged and holds up none of the others.
 */
export async function endOverlaps(shell: Shell): Promise<number> {
  let begun = 0;
  for (const { tenant, name: integration } of await integrationsWithExpiredIds(shell.store.db, shell.now())) {
    try {
      if (await readAgain(() => endOverlap(shell, tenant, integration))) begun += 1;
    } catch (error) {
      shell.log.warn("An overlap of external ids could not be ended", { tenant, integration, code: problemOf(error).code });
    }
  }
  return begun;
}

/** Answers whether an operation was begun: what is being destroyed isn't asked for again. */
async function endOverlap(shell: Shell, tenantName: string, name: string): Promise<boolean> {
  const { tenant, record } = await findTenantIntegration(shell, tenantName, name);
  if (await isBeingRemoved(shell.store.db, record)) return false;
  const next = { ...record, externalIds: record.externalIds.filter((entry) => entry.until === undefined), updatedAt: shell.now() };
  const request = approvedRequestOf(next);
  const desired = desiredStacks(tenant, await wishOf(shell, request, name));
  await accept(shell, { kind: "rotate", next, basis: record, desired, request, requestedBy: "drawbridge", writers: [] });
  return true;
}
