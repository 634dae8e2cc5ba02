/** The frozen request of an operation, and what it wishes for at the moment it runs. */
import type { IntegrationRecord, UpRequest } from "../model/integration.ts";
import { revokedSince } from "../store/revocations.ts";
import type { Context } from "./context.ts";
import { type DesiredIntegration, requireBlueprint } from "./desired-stacks.ts";
import { workingIds } from "./external-ids.ts";

/** The request that makes the integration what its record says, or that an operation carries beside what else it does. */
export function upRequestOf({ blueprint, version, parameters, externalIds, vendorPolicy, authors }: UpRequest): UpRequest {
  return { blueprint, version, parameters, externalIds, ...(vendorPolicy && { vendorPolicy }), ...(authors && { authors }) };
}

/**
 * What time, a repair or a vendor's reinstatement may make of an integration: what was approved, with the external ids that are wanted
 * now. A change that somebody asked for and nobody has approved yet isn't in it.
 */
export function approvedRequestOf(record: IntegrationRecord): UpRequest {
  const { authors = [], externalIds } = record;
  const approved = approvedOf(record);
  return approved === undefined || authors.length === 0 ? upRequestOf(record) : { ...approved, externalIds };
}

/** What last went past every approval; a record from before that was kept whole has its parameters alone. */
function approvedOf(record: IntegrationRecord): Omit<UpRequest, "authors"> | undefined {
  const { approved, approvedParameters: parameters } = record;
  if (approved !== undefined || parameters === undefined) return approved;
  const { authors: _authors, ...asked } = upRequestOf(record);
  return { ...asked, parameters };
}

/** The request of what went past every approval last; of a record that no update has come to yet, what it asks for. Pure. */
export const appliedRequestOf = (record: IntegrationRecord): UpRequest => approvedOf(record) ?? upRequestOf(record);

/**
 * What the integration is in AWS, as far as we made it so: what went past every approval last. A change that waits, or that failed before
 * its first write, isn't in it.
 */
export async function appliedIntegration(context: Context, record: IntegrationRecord): Promise<DesiredIntegration> {
  const desiredIntegration = await desiredIntegrationOf(context, appliedRequestOf(record), record.name);
  return record.approvedBy === undefined ? desiredIntegration : { ...desiredIntegration, approvedBy: record.approvedBy };
}

/** The parameters that last went past every approval; undefined where none did. */
export function approvedParametersOf(
  record: Pick<IntegrationRecord, "approved" | "approvedParameters">,
): Record<string, unknown> | undefined {
  return record.approved?.parameters ?? record.approvedParameters;
}

/** The record once a request went past every approval: what it asked for is approved, and its authors' part is done. Pure. */
export function asApproved(
  record: IntegrationRecord,
  { authors: done = [], ...request }: UpRequest,
  approvedBy: string | undefined,
): IntegrationRecord {
  const { approvedParameters: _before, closedByTeardown: _closed, authors = [], ...rest } = record;
  const left = authors.filter(({ operation }) => !done.some((author) => author.operation === operation));
  return { ...rest, approved: request, ...(left.length > 0 && { authors: left }), ...(approvedBy !== undefined && { approvedBy }) };
}

/** The wish inside a request, now: ids past their overlap no longer count, and a revoked vendor is trusted by nobody. */
export async function desiredIntegrationOf(context: Context, request: UpRequest, integration: string): Promise<DesiredIntegration> {
  return desiredIntegrationAt(
    { now: context.now(), revoked: await revokedSince(context.store.db, vendorOf(request)) },
    request,
    integration,
  );
}

/** The same wish with what has become of its vendor since it was made. */
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

/** The same where it is known since when the request's vendor is revoked, if it is. Pure. */
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

/** The wish that an integration's record stands for. */
export async function recordedIntegration(context: Context, record: IntegrationRecord): Promise<DesiredIntegration> {
  const desiredIntegration = await desiredIntegrationOf(context, upRequestOf(record), record.name);
  return record.approvedBy === undefined ? desiredIntegration : { ...desiredIntegration, approvedBy: record.approvedBy };
}
