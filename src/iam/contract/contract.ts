/**
 * The access contract: who must be able to do what through an integration, as data. Positive and negative rows and the
 * closure are derived from it (rows.ts, closure.ts) and judged on the live documents (judge.ts).
 */
import type { ConditionBlock } from "../words/policy-document.ts";

/** Somebody outside who may assume the role. */
export interface TrustedParty {
  /** As it stands in the trust: a role, user or sts session ARN, an account's `:root`, or a service (`pipes.amazonaws.com`). */
  principal: string;
  /** The ids that must work now; two during an overlap, none for a service. */
  externalIds: string[];
  /** For services: the confused-deputy conditions (AWS IAM user guide, "The confused deputy problem"). */
  sourceArn?: string;
  sourceAccount?: string;
  /** Why a service principal carries no SourceArn and SourceAccount, where the vendor's service can't send them. */
  exception?: string;
}

/** What the role may do. Every Allow of the live role must lie inside one of these; each action on each resource is a positive row. */
export interface ContractGrant {
  id: string;
  actions: string[];
  resources: string[];
  condition?: ConditionBlock;
  /** Why the vendor needs it, for people. */
  why: string;
  /** Actions of the guide that AWS never applies to these resources: listed, allowed in closure, given no positive row. */
  ineffective?: string[];
}

export interface RoleContract {
  roleArn: string;
  /** Empty while the trust is closed: then every row expects deny. */
  trusted: TrustedParty[];
  grants: ContractGrant[];
  /** Requests beyond the derived negatives that must be refused as the role. */
  denied: { id: string; action: string; resource: string }[];
  /** The vendor's principals to try while nobody is trusted; while somebody is, `trusted` says whom to try. */
  probePrincipals?: string[];
}

/** What our own statements on a bucket or key policy, or grants on a key, may give. */
export interface ResourceContract {
  /** bucket or key ARN */
  resource: string;
  principal: string;
  actions: string[];
  resources: string[];
}

/**
 * Access that the vendor's guide asks for and that lets its holder gain more: given only where the blueprint declares it, on these very
 * resources, and somebody approved it.
 */
export interface AcceptedException {
  /** The role's ARN */
  principal: string;
  actions: string[];
  /** Exact, but for a `*` at the end of a bucket's objects */
  resources: string[];
  /** Why it is offered, for people. */
  why: string;
  /** The subject that approved it; unset until then. */
  approvedBy?: string;
}

export interface AccessContract {
  roles: RoleContract[];
  resources: ResourceContract[];
  /** What the Sids of this integration's own statements begin with (sid.ts); without it every Drawbridge Sid counts as its own. */
  sidPrefix?: string;
  /** ARNs of keys that this integration owns: closure covers every statement of their policies. */
  ownedKeys?: string[];
  /** Breadth that the vendor's own guide forces, in words. */
  acceptedBreadth: string[];
  /** What goes beyond the rules by approval: the proof lists each. */
  exceptions?: AcceptedException[];
}

export interface ProofRow {
  id: string;
  expect: "allow" | "deny";
  principal: string;
  action: string;
  resource: string;
  /** External ids appear as fingerprints. */
  context: Record<string, string | string[]>;
  decision: "allowed" | "implicitly-denied" | "explicitly-denied" | "undetermined";
  verdict: "green" | "red";
  because: string[];
}

export interface Proof {
  verdict: "green" | "red";
  /** While the trust is closed every row expects deny. */
  trust: "open" | "closed";
  rows: ProofRow[];
  /** SHA-256 over the canonical form, by document */
  digests: Record<string, string>;
  notCovered: string[];
  acceptedBreadth: string[];
  /** RFC 3339 */
  at: string;
}
