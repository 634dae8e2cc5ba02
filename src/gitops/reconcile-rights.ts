/** The rights with which a reconcile acts: what its sender or its source was given, and still has. */
import type { Context } from "../integrations/context.ts";
import { commonRights, holdsScope, type Rights, type Scope, type Writer } from "../model/caller.ts";
import { ProblemError } from "../problem.ts";
import type { PlanRequest } from "./reconcile-items.ts";

/** The rights that a request was accepted with. */
type Accepted = Pick<PlanRequest, "tenants" | "mayDestroy" | "administers">;

/** Somebody who wrote a part; requests of earlier releases name the subject alone. */
export const writerOf = (writer: Writer | string): Writer => (typeof writer === "string" ? { subject: writer } : writer);

/**
 * The rights that are left today. Every writer must still have them: a source's author, and whoever asked for a fetch. A request of an earlier
 * release names no credential; it acts as it was accepted.
 *
 * @throws ProblemError author_without_rights if nobody may write with this credential any more
 */
export async function currentRights<R extends Accepted & { dryRun: boolean; writers?: (Writer | string)[] }>(
  context: Context,
  request: R,
): Promise<R> {
  let rights = acceptedRights(request);
  const needed = request.dryRun ? "plan" : "write";
  for (const { subject, credential } of (request.writers ?? []).map(writerOf)) {
    if (credential === undefined) continue;
    const now = await context.rightsOf(credential);
    if (now === undefined || !holdsScope(now, needed)) throw withoutRights(subject, needed);
    rights = commonRights(rights, now);
  }
  return { ...request, tenants: rights.tenants, mayDestroy: holdsScope(rights, "destroy"), administers: holdsScope(rights, "admin") };
}

/** The rights that a request carries. The plan and the run both ask here, so they can't differ. */
export function acceptedRights({ tenants, mayDestroy, administers = false }: Accepted): Rights {
  const scopes: Scope[] = ["write", ...(mayDestroy ? ["destroy" as const] : []), ...(administers ? ["admin" as const] : [])];
  return { tenants: tenants === "*" ? "*" : [...tenants], scopes };
}

/** The refusal of an author whose credential no longer has a scope. */
export const withoutRights = (subject: string, scope: Scope): ProblemError =>
  new ProblemError(
    "author_without_rights",
    `${subject} no longer holds the scope ${scope}: the key was removed or has expired, or the issuer's rules changed. Somebody who holds it must send this, or write the source, again.`,
  );
