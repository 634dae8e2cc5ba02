/** For accounts that we may not enter: judges the documents as they would be. The customer applies them. Pure except for the clock. */

import { resolveReferences } from "../../../stacks/references.ts";
import type { StackSpec } from "../../../stacks/stack.ts";
import type { AccessContract, Proof } from "../../iam/contract/contract.ts";
import { judge } from "../../iam/contract/judge.ts";
import type { LiveDocuments, LiveRole } from "../../iam/words/live.ts";
import { rulesOf } from "../stacks/kinds.ts";
import { unmade } from "../stacks/role.ts";
import type { Place } from "../stacks/stack-rules.ts";

const NOT_READ = "The account itself: Drawbridge doesn't enter it. The documents are judged as they were handed off, not as they are.";

/** The roles as they would be after they are made. */
export function rolesAsIfMade(specs: readonly StackSpec[], place: Place): LiveRole[] {
  return specs.flatMap((spec) => rulesOf(spec).asIfMade(place) ?? []);
}

/** The proof over the desired documents. It never claims that the account was read. */
export function judgeHandedOff(
  { specs, contract }: { specs: readonly StackSpec[]; contract: AccessContract },
  { now, ...place }: Place & { now: string },
): Proof {
  const live: LiveDocuments = { roles: rolesAsIfMade(specs, place), buckets: [], keys: [] };
  const proof = judge(resolveReferences(contract, unmade(place)), live, now);
  return { ...proof, notCovered: [NOT_READ, ...proof.notCovered] };
}
