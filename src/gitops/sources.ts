/** Sources: repositories that the service fetches itself, when a webhook says so and when their interval is over. */

import type { Context } from "../integrations/context.ts";
import type { Caller, Writer } from "../model/caller.ts";
import type { SourceRecord } from "../model/source.ts";
import { ProblemError } from "../problem.ts";
import type { StoredOperation } from "../store/operations.ts";
import { deleteSource, findSource, forgetDelivery, noteDelivery, saveSource } from "../store/sources.ts";
import { acceptPull } from "./accept-reconcile.ts";
import { readSecret } from "./credentials.ts";
import { type Delivery, readDelivery } from "./webhook.ts";

export type SourceSpec = Required<Pick<SourceRecord, "repository" | "branch" | "interval" | "prune" | "maxDeletes">> &
  Pick<SourceRecord, "path" | "credentials" | "webhookSecret" | "repositoryName">;

/**
 * The source of that name.
 *
 * @throws ProblemError not_found
 */
export async function requireSource(context: Pick<Context, "store">, name: string): Promise<SourceRecord> {
  const source = await findSource(context.store.db, name);
  if (!source) throw new ProblemError("not_found", "There is no such source.");
  return source;
}

/**
 * Registers a source or changes it; what it owns stays its own. It is fetched at the next round of the poll, and acts with the scopes of
 * whoever wrote it last.
 *
 * @throws ProblemError forbidden without the scope write, or destroy where it prunes
 */
export async function putSource(
  context: Context,
  {
    name,
    body,
    by: { subject, scopes, credential },
  }: { name: string; body: SourceSpec; by: Pick<Caller, "subject" | "scopes" | "credential"> },
): Promise<{ created: boolean; source: SourceRecord }> {
  for (const needed of ["write", ...(body.prune ? ["destroy" as const] : [])] as const) {
    if (!scopes.includes(needed))
      throw new ProblemError("forbidden", `A source acts with the scopes of whoever registers it, and this one needs the scope ${needed}.`);
  }
  const before = await findSource(context.store.db, name);
  const { lastAt: _lastAt, ...kept } = before ?? {};
  const source: SourceRecord = {
    ...keptOf(kept),
    ...body,
    name,
    kind: "pull",
    tenants: "*",
    requestedBy: subject,
    author: credential,
    scopes: [...scopes],
    createdAt: before?.createdAt ?? context.now(),
  };
  await saveSource(context.store.db, source);
  return { created: before === undefined, source };
}

function keptOf({ revision, lastOperation }: Partial<SourceRecord>): Partial<SourceRecord> {
  return { ...(revision && { revision }), ...(lastOperation && { lastOperation }) };
}

/**
 * Deletes a source. Its integrations and tenants stay as they are, without an owner.
 *
 * @throws ProblemError not_found
 */
export async function removeSource(context: Context, name: string): Promise<void> {
  if (!(await deleteSource(context.store.db, name))) throw new ProblemError("not_found", "There is no such source.");
}

/**
 * Fetches and reconciles now.
 *
 * @throws ProblemError not_found
 */
export async function fetchNow(context: Context, name: string, asker: Writer): Promise<StoredOperation> {
  const source = await requireSource(context, name);
  if (source.kind !== "pull") throw new ProblemError("not_found", "This source is pushed; there is nothing to fetch.");
  return acceptPull(context, source, { requestedBy: asker.subject, asker });
}

/**
 * Takes a webhook's delivery: a fetch, or the reason why there is none.
 *
 * @throws ProblemError unauthenticated also for a source that isn't there or has no secret, so that nobody learns which exist
 */
export async function receiveDelivery(
  context: Context,
  name: string,
  delivery: Delivery,
): Promise<{ operation: StoredOperation } | { ignored: string }> {
  const source = await findSource(context.store.db, name);
  const secretName = source?.kind === "pull" ? source.webhookSecret : undefined;
  const secret = secretName === undefined ? undefined : await readSecret(context.secretsDir, secretName).catch(() => undefined);
  const reading = await readDelivery(delivery, secret, source ?? {});
  if (!source) throw new ProblemError("unauthenticated", "The delivery isn't signed with this source's secret.");
  if (!reading.news) return { ignored: reading.why };
  if (!(await noteDelivery(context.store.db, name, reading.keys))) return { ignored: "It was delivered before." };
  try {
    return { operation: await acceptPull(context, source, { requestedBy: "webhook" }) };
  } catch (error) {
    // The sender gets the failure and sends the delivery again.
    await forgetDelivery(context.store.db, name, reading.keys);
    throw error;
  }
}
