/** The frozen request of an operation, and what it wishes for at the moment it runs. */
import type { PolicyDocument } from "../iam/policy-document.ts";
import type { ExternalIdEntry, IntegrationRecord } from "../store/records.ts";
import { revokedSince } from "../store/revocations.ts";
import { requireBlueprint, type Wish } from "./desired-stacks.ts";
import { workingIds } from "./external-ids.ts";
import type { Shell } from "./shell.ts";

/** What an `up` operation carries: frozen when it was accepted. */
export interface UpRequest {
  blueprint: string;
  version: string;
  parameters: Record<string, unknown>;
  externalIds: ExternalIdEntry[];
  vendorPolicy?: PolicyDocument;
}

/** The request that makes the integration what its record says. */
export function upRequestOf({ blueprint, version, parameters, externalIds, vendorPolicy }: IntegrationRecord): UpRequest {
  return { blueprint, version, parameters, externalIds, ...(vendorPolicy && { vendorPolicy }) };
}

/** The wish inside a request, now: ids past their overlap no longer count, and a revoked vendor is trusted by nobody. */
export async function wishOf(shell: Shell, request: UpRequest, integration: string): Promise<Wish> {
  const { blueprint, version, parameters } = request;
  const named = requireBlueprint(blueprint, version);
  const vendor = named.vendorNamed?.(parameters) ?? named.vendor;
  return wishWhile({ now: shell.now(), revoked: await revokedSince(shell.store.db, vendor) }, request, integration);
}

/** The same where it is known since when the request's vendor is revoked, if it is. Pure. */
export function wishWhile(
  { now, revoked }: { now: string; revoked: string | undefined },
  { blueprint, version, parameters, externalIds, vendorPolicy }: UpRequest,
  integration: string,
): Wish {
  return {
    integration,
    blueprint,
    version,
    parameters,
    externalIds: workingIds(externalIds, now),
    ...(revoked !== undefined && { revoked }),
    ...(vendorPolicy && { vendorPolicy }),
  };
}

/** The wish that an integration's record stands for. */
export async function recordedWish(shell: Shell, record: IntegrationRecord): Promise<Wish> {
  const wish = await wishOf(shell, upRequestOf(record), record.name);
  return record.approvedBy === undefined ? wish : { ...wish, approvedBy: record.approvedBy };
}
