/** Policies that nobody can write, because they name a deleted principal. */
import type { PolicyDocument } from "../../iam/words/policy-document.ts";
import { parsePrincipal } from "../../iam/words/principal.ts";
import { ProblemError } from "../../problem.ts";

/**
 * Refuses a policy that names a deleted principal. AWS shows such a principal as a unique id and rejects every later write of the document
 * (AWS IAM user guide, "AWS JSON policy elements: Principal").
 *
 * @throws ProblemError stale_principal
 */
export function refuseStalePrincipals(where: string, policy: PolicyDocument | undefined): void {
  for (const [index, statement] of (policy?.Statement ?? []).entries()) {
    const named = typeof statement.Principal === "object" ? Object.values(statement.Principal).flat() : [];
    const stale = named.find((principal) => parsePrincipal(principal)?.kind === "unique-id");
    if (!stale) continue;
    throw new ProblemError(
      "stale_principal",
      `${where}: statement ${statement.Sid ?? index + 1} names ${stale}, a role or user that was deleted. AWS rejects every write of this policy until that principal is removed from it.`,
    );
  }
}
