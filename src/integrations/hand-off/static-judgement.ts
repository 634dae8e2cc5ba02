/** Accounts that we may not enter: the documents are judged as they would be, and the customer makes them so. Pure but for the clock. */

import { resolveReferences } from "../../../stacks/references.ts";
import type { Reference, StackSpec } from "../../../stacks/stack.ts";
import { roleArn } from "../../blueprints/parts/role-stack.ts";
import type { AccessContract, Proof } from "../../iam/contract/contract.ts";
import { judge } from "../../iam/contract/judge.ts";
import type { LiveDocuments, LiveRole } from "../../iam/words/live.ts";

const NOT_READ = "The account itself: Drawbridge doesn't enter it. The documents are judged as they were handed off, not as they are.";

/** What stands for the ARN of a key that isn't made yet: shaped like one, so that statements on it can be judged. */
const unmade =
  (accountId: string, partition: string) =>
  ({ key, output }: Reference["$ref"]): string =>
    `arn:${partition}:kms:region:${accountId}:key/${output}-of-${key}`;

/** The roles as they would be once made. */
export function asIfMade(spec: StackSpec, accountId: string, partition: string): LiveRole[] {
  if (spec.kind !== "role") return [];
  const { name, trust, inlinePolicies, tags } = resolveReferences(spec.inputs, unmade(accountId, partition));
  const arn = roleArn({ partition, accountId }, name);
  return [{ arn, roleId: "", name, accountId, trust, inline: inlinePolicies, attached: [], maxSessionDuration: 3600, tags }];
}

/** The proof over the documents as desired. It never claims to have read the account. */
export function judgeHandedOff(
  { specs, contract }: { specs: readonly StackSpec[]; contract: AccessContract },
  { accountId, partition, now }: { accountId: string; partition: string; now: string },
): Proof {
  const live: LiveDocuments = { roles: specs.flatMap((spec) => asIfMade(spec, accountId, partition)), buckets: [], keys: [] };
  const proof = judge(resolveReferences(contract, unmade(accountId, partition)), live, now);
  return { ...proof, notCovered: [NOT_READ, ...proof.notCovered] };
}
