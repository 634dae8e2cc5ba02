/** Accepts a reconcile. One transaction writes the source's sequence and the operation, and ends the operations that it overtakes. */

import type { Context } from "../integrations/context.ts";
import { type Caller, type Credential, holdsScope, holdsTenants, tenantsText, type VisibleTenants, type Writer } from "../model/caller.ts";
import type { Manifest } from "../model/manifest.ts";
import { actingAs, type SourceMember, type SourceRecord } from "../model/source.ts";
import { openOperation } from "../operations/open.ts";
import { ProblemError } from "../problem.ts";
import type { StoredOperation } from "../store/operations.ts";
import { openReconciles } from "../store/reconcile-reads.ts";
import { findSource, lockKnownSource, lockSource, ownerOf, pushSourcesOf, saveSource, takeDueSources } from "../store/sources.ts";
import { lockName } from "../store/tenants.ts";
import { cancelWaiting, requestCancel } from "../store/transitions.ts";
import { pushScopes, pushSource, pushSourceName } from "./push-source.ts";
import type { ReconcileRequest } from "./reconcile.ts";
import { managedBySource } from "./reconcile-plan.ts";

/** Many small operations may have to end before a large one does. Seconds. */
const RECONCILE_SECONDS = 6 * 3_600;

export interface Asker {
  subject: string;
  tenants: VisibleTenants;
  mayDestroy: boolean;
  /** Whether they hold the scope `admin` */
  administers: boolean;
  credential: Credential;
}

/** The sender of a push, with the sender's rights. */
export const askerOf = (caller: Caller): Asker => ({
  subject: caller.subject,
  tenants: caller.tenants,
  mayDestroy: holdsScope(caller, "destroy"),
  administers: holdsScope(caller, "admin"),
  credential: caller.credential,
});

export interface Push {
  source: { repository: string; revision: string; sequence?: number };
  manifests: Manifest[];
  prune: boolean;
  maxDeletes: number;
  dryRun: boolean;
  atomic: boolean;
}

/**
 * Accepts pushed manifests. The newest revision wins: an older reconcile that waits is cancelled, and one that runs stops watching; the
 * operations that it started go on.
 *
 * @throws ProblemError stale_revision for a lower sequence than the source's
 */
export async function acceptPush(context: Context, push: Push, by: Asker): Promise<StoredOperation> {
  const { repository, revision, sequence } = push.source;
  const { manifests, prune, maxDeletes, dryRun, atomic } = push;
  return context.store.db.transaction().execute(async (trx) => {
    const source = await sourceOf(trx, { repository, by, dryRun, now: context.now() });
    if (sequence !== undefined && source.sequence !== undefined && sequence < source.sequence) {
      throw new ProblemError(
        "stale_revision",
        `Sequence ${sequence} is older than ${source.sequence}, which was accepted before. Push the newest revision.`,
        { pointer: "/source/sequence" },
      );
    }
    const request: ReconcileRequest = {
      source: source.name,
      manifests,
      revision,
      prune,
      maxDeletes,
      dryRun,
      atomic,
      tenants: by.tenants,
      mayDestroy: by.mayDestroy,
      administers: by.administers,
      writers: [{ subject: by.subject, credential: by.credential }],
    };
    return start(
      context,
      trx,
      { ...source, ...(!dryRun && { revision, ...(sequence !== undefined && { sequence }) }) },
      request,
      by.subject,
    );
  });
}

/**
 * Accepts a fetch and reconcile of a source that the service pulls itself. `asker`: the caller who asked for it, if a caller did.
 *
 * @throws ProblemError not_found when it was removed meanwhile
 */
export async function acceptPull(
  context: Context,
  { name }: Pick<SourceRecord, "name">,
  { requestedBy, asker }: { requestedBy: string; asker?: Writer },
): Promise<StoredOperation> {
  return context.store.db.transaction().execute(async (trx) => {
    // Read again: the source or its scopes may have changed since it was found to be due.
    const source = await lockKnownSource(trx, name);
    if (!source) throw new ProblemError("not_found", "There is no such source.");
    const { tenants, prune = false, maxDeletes = 0, scopes = [] } = source;
    const request: ReconcileRequest = {
      source: name,
      prune,
      maxDeletes,
      dryRun: false,
      atomic: false,
      tenants,
      // A source acts with the scopes of the caller who registered it. For older sources those aren't known.
      mayDestroy: scopes.includes("destroy"),
      administers: scopes.includes("admin"),
      actingAs: actingAs(source),
      writers: [{ subject: source.requestedBy, ...(source.author && { credential: source.author }) }, ...(asker ? [asker] : [])],
    };
    return start(context, trx, { ...source, lastAt: context.now() }, request, requestedBy);
  });
}

type Trx = Parameters<typeof lockSource>[0];

async function start(
  context: Context,
  trx: Trx,
  source: SourceRecord,
  request: ReconcileRequest,
  requestedBy: string,
): Promise<StoredOperation> {
  const open = await openReconciles(trx, source.name);
  const operation = await openOperation(context, trx, {
    kind: "reconcile",
    request: { ...request },
    requestedBy,
    deadlineSeconds: RECONCILE_SECONDS,
  });
  if (!request.dryRun) {
    for (const { id, state } of open) {
      if (state === "running") await requestCancel(trx, id);
      else await cancelWaiting(trx, id, { supersededBy: operation.id });
    }
    await saveSource(trx, { ...source, lastOperation: operation.id });
  }
  return operation;
}

/**
 * The source that a push is about, its row locked. A repository's name is public, so it belongs to nobody: callers share a source when they
 * hold the same tenants and may both destroy or both not, and whoever made it keeps it when they are given more. Everybody else has one of their own, so that nobody
 * learns of, overtakes or ends what others push under the same name. A dry run makes none.
 */
async function sourceOf(
  trx: Trx,
  { repository, by, dryRun, now }: { repository: string; by: Asker; dryRun: boolean; now: string },
): Promise<SourceRecord> {
  // Of two first pushes at once the second has to see what the first made.
  await lockName(trx, { repository });
  const known = await pushSourcesOf(trx, repository);
  const shared = known.find((source) => isShared(source, by));
  if (shared) return { ...shared, tenants: by.tenants, scopes: shared.scopes ?? pushScopes(by) };
  const usual = pushSourceName(repository);
  const name = (await findSource(trx, usual)) === undefined ? usual : pushSourceName(repository, by);
  const fresh = pushSource(repository, { name, by, now });
  return dryRun ? fresh : lockSource(trx, name, () => fresh);
}

function isShared({ tenants, requestedBy, scopes }: SourceRecord, by: Asker): boolean {
  // A caller without `destroy` could name something here, and the next caller who prunes would destroy it.
  const equals = scopes === undefined ? by.mayDestroy : scopes.includes("destroy") === by.mayDestroy;
  if (equals && tenantsText(tenants) === tenantsText(by.tenants)) return true;
  return requestedBy === by.subject && holdsTenants(by, tenants);
}

/**
 * Refuses a change by a request if a source owns the integration or tenant.
 *
 * @throws ProblemError managed_by_source
 */
export async function refuseManaged(
  context: Pick<Context, "store">,
  { kind, tenant, name }: Pick<SourceMember, "kind" | "tenant" | "name">,
  tenants: VisibleTenants,
): Promise<void> {
  const owner = await ownerOf(context.store.db, kind, tenant, name);
  if (owner !== undefined) throw managedBySource(owner, tenants);
}

/** One round of the poll: a reconcile for each pulled source whose interval is over. */
export async function pollSources(context: Context): Promise<number> {
  const due = await takeDueSources(context.store.db, context.now());
  for (const source of due) await acceptPull(context, source, { requestedBy: "source-poll" });
  return due.length;
}
