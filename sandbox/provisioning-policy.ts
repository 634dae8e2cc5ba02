import { listOf, type Statement } from "../src/iam/words/policy-document.ts";
import { provisioningPermissions } from "../src/tenants/bootstrap.ts";
import { sandboxRegion, tenantThings } from "./accounts.ts";

/** The emulator refuses or ignores conditions on these keys even when they are met; test/tenants judges them by the evaluator. */
const unjudged =
  /^(?:iam:PermissionsBoundary|aws:(?:ResourceTag|RequestTag)\/.*|aws:(?:TagKeys|ResourceAccount)|kms:(?:GrantOperations|ResourceAliases))$/;

/**
 * What the provisioning role of a sandbox tenant may do: the service's own bootstrap document, for every tenant of the account and
 * without the conditions that the emulator can't judge. Tenants here may have a boundary or none.
 */
export function provisioningStatements(accountId: string): Statement[] {
  // A bootstrap names its tenant's roles; here they are called whatever a test or a visitor likes.
  const scope = { name: "*", accountId, region: sandboxRegion, roleName: tenantThings.provisioningRole, roleNames: ["*"] };
  const bounded = provisioningPermissions({ ...scope, permissionsBoundaryArn: `arn:aws:iam::${accountId}:policy/*` });
  const free = provisioningPermissions(scope);
  return bounded.Statement.map(({ Condition, ...statement }, index) => {
    const known = Object.values(Condition ?? {})
      .flatMap((keys) => Object.keys(keys))
      .filter((key) => !unjudged.test(key));
    if (known.length > 0) throw new Error(`The sandbox doesn't know what its emulator makes of ${known.join()}.`);
    const actions = [...new Set([...listOf(statement.Action), ...listOf(free.Statement[index]?.Action)])];
    // The emulator takes calls about an alias for calls on `*`, and a key that is named by its alias for the alias.
    const Resource = actions.every((action) => action.startsWith("kms:")) ? "*" : (statement.Resource ?? "*");
    return { ...statement, Action: actions, Resource };
  });
}
