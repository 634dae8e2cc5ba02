/** The frozen request of an operation, and the desired integration that it gives when the operation runs. */
import type { IntegrationRecord, UpRequest } from "../model/integration.ts";
import { revokedSince } from "../store/revocations.ts";
import type { Context } from "./context.ts";
import { type DesiredIntegration, requireBlueprint } from "./desired-stacks.ts";
import { workingIds } from "./external-ids.ts";

/** The request in an integration's record, or in an operation, which may carry more fields. */
export function upRequestOf({ blueprint, version, parameters, externalIds, vendorPolicy, authors }: UpRequest): UpRequest {
  return { blueprint, version, parameters, externalIds, ...(vendorPolicy && { vendorPolicy }), ...(authors && { authors }) };
}

/**
 * The request that a timer, a repair or a vendor's reinstatement may run: what was approved, with today's external ids. A change that was
 * requested and isn't approved yet isn't in it.
 */
export function approvedRequestOf(record: IntegrationRecord): UpRequest {
  const { authors = [], externalIds } = record;
  const approved = approvedOf(record);
  return approved === undefined || authors.length === 0 ? upRequestOf(record) : { ...approved, externalIds };
}

/** The request that last passed every approval. Older records kept only its parameters. */
function approvedOf(record: IntegrationRecord): Omit<UpRequest, "authors"> | undefined {
  const { approved, approvedParameters: parameters } = record;
  if (approved !== undefined || parameters === undefined) return approved;
  const { authors: _authors, ...asked } = upRequestOf(record);
  return { ...asked, parameters };
}

/** The request that last passed every approval. If no update has reached the record yet: the request in the record. Pure. */
export const appliedRequestOf = (record: IntegrationRecord): UpRequest => approvedOf(record) ?? upRequestOf(record);

/**
 * The integration in AWS, as far as we made it so: the request that last passed every approval. A change that waits, or that failed before
 * its first write, isn't in it.
 */
export async function appliedIntegration(context: Context, record: IntegrationRecord): Promise<DesiredIntegration> {
  const desiredIntegration = await desiredIntegrationOf(context, appliedRequestOf(record), record.name);
  return record.approvedBy === undefined ? desiredIntegration : { ...desiredIntegration, approvedBy: record.approvedBy };
}

/** The parameters that last passed every approval; undefined if none did. */
export function approvedParametersOf(
  record: Pick<IntegrationRecord, "approved" | "approvedParameters">,
): Record<string, unknown> | undefined {
  return record.approved?.parameters ?? record.approvedParameters;
}

/** The record after a request passed every approval: the request is approved, and its authors are no longer open. Pure. */
export function asApproved(
  record: IntegrationRecord,
  { authors: done = [], ...request }: UpRequest,
  approvedBy: string | undefined,
): IntegrationRecord {
  const { approvedParameters: _before, closedByTeardown: _closed, authors = [], ...rest } = record;
  const left = authors.filter(({ operation }) => !done.some((author) => author.operation === operation));
  return { ...rest, approved: request, ...(left.length > 0 && { authors: left }), ...(approvedBy !== undefined && { approvedBy }) };
}

/**
 * The desired integration of a request, at this moment: external ids past their overlap don't count, and no role trusts a revoked vendor.
 */
export async function desiredIntegrationOf(context: Context, request: UpRequest, integration: string): Promise<DesiredIntegration> {
  return desiredIntegrationAt(
    { now: context.now(), revoked: await revokedSince(context.store.db, vendorOf(request)) },
    request,
    integration,
  );
}

/** The same desired integration with the current revocation of its vendor. */
export async function withRevocation(
  context: Context,
  { revoked: _before, ...desiredIntegration }: DesiredIntegration,
): Promise<DesiredIntegration> {
  const revoked = await revokedSince(context.store.db, vendorOf(desiredIntegration));
  return revoked === undefined ? desiredIntegration : { ...desiredIntegration, revoked };
}

function vendorOf({ blueprint, version, parameters }: Pick<UpRequest, "blueprint" | "version" | "parameters">): string {
  const named = requireBlueprint(blueprint, version);
  return named.vendorNamed?.(parameters) ?? named.vendor;
}

/** The same if the vendor's revocation was already read: `revoked` is its time. Pure. */
export function desiredIntegrationAt(
  { now, revoked }: { now: string; revoked: string | undefined },
  { blueprint, version, parameters, externalIds, vendorPolicy }: UpRequest,
  integration: string,
): DesiredIntegration {
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

/** The desired integration of a record. */
export async function recordedIntegration(context: Context, record: IntegrationRecord): Promise<DesiredIntegration> {
  const desiredIntegration = await desiredIntegrationOf(context, upRequestOf(record), record.name);
  return record.approvedBy === undefined ? desiredIntegration : { ...desiredIntegration, approvedBy: record.approvedBy };
}
