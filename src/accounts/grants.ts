/** Grants on keys that aren't ours, known by their name and grantee. */
import { paginateListGrants } from "@aws-sdk/client-kms";
import type { KmsGrantsInputs } from "../../stacks/stack.ts";
import { awsProblem, unlessMissing } from "./aws-problems.ts";
import type { AccountClients } from "./clients.ts";
import type { Owner, OwnRole } from "./inventory.ts";

const own = Symbol("own");

/** A grant that is the integration's: only the look-up below makes one, and only one is revoked. */
export interface OwnGrant {
  readonly [own]: true;
  readonly id: string;
  readonly keyArn: string;
  /** For people: the key and the grant's name */
  readonly name: string;
}

/**
 * The grants of a stack on a key that isn't ours: those of its names whose grantee is the stack's own role. Another tenant's grant on
 * the same key may have the same name, also in the same account; its role can't be the same.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function findOwnGrants(
  { kms }: AccountClients,
  { existingKeyArn, grants }: KmsGrantsInputs,
  owner: Owner & { roles: readonly OwnRole[] },
): Promise<OwnGrant[]> {
  const names = new Set(grants.map(({ name }) => name));
  // A deleted role's grants name its unique id (KMS API reference, GrantListEntry).
  const grantees = new Set(owner.roles.flatMap(({ arn, uniqueId }) => [arn, ...(uniqueId === undefined ? [] : [uniqueId])]));
  const found: OwnGrant[] = [];
  const read = async () => {
    for await (const page of paginateListGrants({ client: kms }, { KeyId: existingKeyArn })) {
      for (const { Name, GrantId, GranteePrincipal } of page.Grants ?? []) {
        const ours = Name !== undefined && names.has(Name) && GranteePrincipal !== undefined && grantees.has(GranteePrincipal);
        if (ours && GrantId) found.push({ [own]: true, id: GrantId, keyArn: existingKeyArn, name: `${existingKeyArn} grant ${Name}` });
      }
    }
  };
  await unlessMissing(read()).catch(awsProblem(`listing the grants of key ${existingKeyArn}`));
  return found;
}
