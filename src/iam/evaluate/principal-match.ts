/** Whether a resource policy's statement names who asks, and how closely (IAM user guide, "AWS JSON policy elements: Principal"). */
import { listOf, type PrincipalElement, type Statement } from "../words/policy-document.ts";
import { type Principal, parsePrincipal } from "../words/principal.ts";
import type { Truth } from "./truth.ts";

/**
 * How a resource policy names a principal decides what else must allow, inside one account (IAM user guide, "Evaluating
 * identity-based policies with resource-based policies"): `direct` (user, session, service, everybody) needs nothing more; `role` is
 * still limited by boundary and session policy; `account` only hands the matter to the account's own IAM.
 */
export type PrincipalGrade = "direct" | "role" | "account";

export interface PrincipalMatch {
  matches: Truth;
  grade: PrincipalGrade;
  reason?: string;
}

const grades: PrincipalGrade[] = ["account", "role", "direct"];
const none: PrincipalMatch = { matches: "no", grade: "account", reason: "its Principal names somebody else" };

/** The statement's Principal or NotPrincipal against who asks. A resource policy's statement without either can't be judged. */
export function principalMatches(statement: Statement, asking: Principal): PrincipalMatch {
  const { Principal, NotPrincipal } = statement;
  if (Principal !== undefined && NotPrincipal === undefined) return elementMatches(Principal, asking);
  if (NotPrincipal === undefined || Principal !== undefined) {
    return { matches: "unknown", grade: "direct", reason: "it has not exactly one of Principal and NotPrincipal" };
  }
  const excepted = elementMatches(NotPrincipal, asking);
  if (excepted.matches === "no") return { matches: "yes", grade: "direct" };
  // What an exception must list (account, role and session) for AWS to honour it differs by case; only `*` excepts everybody for sure.
  if (NotPrincipal === "*") return none;
  return { matches: "unknown", grade: "direct", reason: "its NotPrincipal may or may not except who asks" };
}

function elementMatches(element: PrincipalElement, asking: Principal): PrincipalMatch {
  if (element === "*") return { matches: "yes", grade: "direct" };
  let best = none;
  for (const [type, values] of Object.entries(element)) {
    for (const value of listOf(values)) {
      const match = valueMatches(type, value, asking);
      if (isBetter(match, best)) best = match;
    }
  }
  return best;
}

function isBetter(a: PrincipalMatch, b: PrincipalMatch): boolean {
  const rank = (match: PrincipalMatch): number => ({ no: 0, unknown: 10, yes: 20 })[match.matches] + grades.indexOf(match.grade);
  return rank(a) > rank(b);
}

function valueMatches(type: string, value: string, asking: Principal): PrincipalMatch {
  if (type === "Federated") return none;
  if (type === "Service") return asking.kind === "service" && asking.service === value ? { matches: "yes", grade: "direct" } : none;
  if (type !== "AWS") return { matches: "unknown", grade: "direct", reason: `a principal of the type ${type} can't be judged` };
  const named = parsePrincipal(value);
  if (named === undefined) return { matches: "unknown", grade: "direct", reason: "one of its principals can't be read" };
  return namedMatches(named, asking);
}

function namedMatches(named: Principal, asking: Principal): PrincipalMatch {
  if (named.kind === "anyone") return { matches: "yes", grade: "direct" };
  if (!("accountId" in named) || !("accountId" in asking) || named.accountId !== asking.accountId) return none;
  if (named.kind === "account") return { matches: "yes", grade: asking.kind === "account" ? "direct" : "account" };
  if (named.partition !== asking.partition) return none;
  // Names are unique in an account whatever the path (IAM user guide, "IAM identifiers"), and a session's ARN doesn't carry it.
  if (named.kind === "role") {
    const role = asking.kind === "session" ? asking.roleName : asking.kind === "role" ? asking.name : undefined;
    return role === named.name ? { matches: "yes", grade: "role" } : none;
  }
  if (named.kind === "user") return asking.kind === "user" && asking.name === named.name ? { matches: "yes", grade: "direct" } : none;
  const same = asking.kind === "session" && asking.roleName === named.roleName && asking.sessionName === named.sessionName;
  return same ? { matches: "yes", grade: "direct" } : none;
}
