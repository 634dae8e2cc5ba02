/** A change is made only while each of its authors may still make it: a key that was removed meanwhile widens nothing. */
import { holdsScope, holdsTenant, type Scope, type Writer } from "../../model/caller.ts";
import { ProblemError } from "../../problem.ts";
import type { Context } from "../context.ts";

/**
 * Refuses a change of a tenant's integration if the credential of one of its authors has ended, or lost the tenant or the scope. An author
 * without a credential is the service itself, which only restores, or was recorded by an earlier release.
 *
 * @throws ProblemError author_without_rights
 */
export async function refuseWithoutRights(
  context: Context,
  authors: readonly Writer[],
  tenant: string,
  scope: Scope = "write",
): Promise<void> {
  for (const { subject, credential } of authors) {
    if (credential === undefined) continue;
    const rights = await context.rightsOf(credential);
    if (rights && holdsTenant(rights, tenant) && holdsScope(rights, scope)) continue;
    throw new ProblemError(
      "author_without_rights",
      `${subject}, who wrote a part of this change, no longer holds the tenant with the scope ${scope}. Somebody who does must PUT the integration again.`,
    );
  }
}
