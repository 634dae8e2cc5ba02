/** Sources: repositories that the service fetches itself, when a webhook says so and when their interval is over. */

import type { Shell } from "../integrations/shell.ts";
import type { SourceRecord } from "../model/source.ts";
import { ProblemError } from "../problem.ts";
import type { StoredOperation } from "../store/operations.ts";
import { deleteSource, findSource, forgetDelivery, noteDelivery, saveSource } from "../store/sources.ts";
import { acceptPull } from "./accept-reconcile.ts";
import { readSecret } from "./credentials.ts";
import { type Delivery, readDelivery } from "./webhook.ts";

export type SourceWish = Required<Pick<SourceRecord, "repository" | "branch" | "interval" | "prune" | "maxDeletes">> &
  Pick<SourceRecord, "path" | "credentials" | "webhookSecret" | "repositoryName">;

/**
 * The source of that name.
 *
 * @throws ProblemError not_found
 */
export async function requireSource(shell: Pick<Shell, "store">, name: string): Promise<SourceRecord> {
  const source = await findSource(shell.store.db, name);
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
  shell: Shell,
  { name, body, requestedBy, scopes }: { name: string; body: SourceWish; requestedBy: string; scopes: readonly string[] },
): Promise<{ created: boolean; source: SourceRecord }> {
  for (const needed of ["write", ...(body.prune ? ["destroy"] : [])]) {
    if (!scopes.includes(needed))
      throw new ProblemError("forbidden", `A source acts with the scopes of whoever registers it, and this one needs the scope ${needed}.`);
  }
  const before = await findSource(shell.store.db, name);
  const { lastAt: _lastAt, ...kept } = before ?? {};
  const source: SourceRecord = {
    ...keptOf(kept),
    ...body,
    name,
    kind: "pull",
    tenants: "*",
    requestedBy,
    scopes: [...scopes],
    createdAt: before?.createdAt ?? shell.now(),
  };
  await saveSource(shell.store.db, source);
  return { created: before === undefined, source };
}

function keptOf({ revision, lastOperation }: Partial<SourceRecord>): Partial<SourceRecord> {
  return { ...(revision && { revision }), ...(lastOperation && { lastOperation }) };
}

/**
 * Forgets a source. What it owned stays as it is, and belongs to nobody.
 *
 * @throws ProblemError not_found
 */
export async function removeSource(shell: Shell, name: string): Promise<void> {
  if (!(await deleteSource(shell.store.db, name))) throw new ProblemError("not_found", "There is no such source.");
}

/**
 * Fetches and reconciles now.
 *
 * @throws ProblemError not_found
 */
export async function fetchNow(shell: Shell, name: string, requestedBy: string): Promise<StoredOperation> {
  const source = await requireSource(shell, name);
  if (source.kind !== "pull") throw new ProblemError("not_found", "This source is pushed; there is nothing to fetch.");
  return acceptPull(shell, source, { requestedBy, asker: requestedBy });
}

/**
 * Takes a webhook's delivery: a fetch, or the reason why there is none.
 *
 * @throws ProblemError unauthenticated also for a source that isn't there or has no secret, so that nobody learns which exist
 */
export async function receiveDelivery(
  shell: Shell,
  name: string,
  delivery: Delivery,
): Promise<{ operation: StoredOperation } | { ignored: string }> {
  const source = await findSource(shell.store.db, name);
  const secretName = source?.kind === "pull" ? source.webhookSecret : undefined;
  const secret = secretName === undefined ? undefined : await readSecret(shell.secretsDir, secretName).catch(() => undefined);
  const reading = await readDelivery(delivery, secret, source ?? {});
  if (!source) throw new ProblemError("unauthenticated", "The delivery isn't signed with this source's secret.");
  if (!reading.news) return { ignored: reading.why };
  if (!(await noteDelivery(shell.store.db, name, reading.keys))) return { ignored: "It was delivered before." };
  try {
    return { operation: await acceptPull(shell, source, { requestedBy: "webhook" }) };
  } catch (error) {
    // Its sender is told of the failure and sends it again.
    await forgetDelivery(shell.store.db, name, reading.keys);
    throw error;
  }
}
