/**
 * What Drawbridge does with a stack. Each kind has its rules in a file (role.ts, bucket-policy.ts, owned-key.ts, key-access.ts,
 * collector.ts), and kinds.ts is the table.
 */
import type { RoleInputs, StackSpec } from "../../../stacks/stack.ts";
import type { Owner, OwnRole } from "../../accounts/inventory.ts";
import type { StackState } from "../../engine/engine.ts";
import type { GuardedDocument } from "../../iam/guardrails/guardrail.ts";
import type { Partition } from "../../iam/words/arn.ts";
import type { LiveBucket, LiveDocuments, LiveRole } from "../../iam/words/live.ts";
import type { Difference } from "../../model/drift.ts";
import type { RecordedStack } from "../../model/integration.ts";
import type { HeldLease } from "../../operations/lease.ts";
import type { DocumentDiff } from "../document-diff.ts";
import type { NamedPolicy, TemplateParts } from "../hand-off/template-parts.ts";
import { runEngine, type Work } from "../work.ts";

/** What exists of a stack before it changes. */
export interface Found {
  /** Provider ids, by logical name, of what exists and isn't in state. */
  adopt: Record<string, string>;
  /** The state that was read; undefined where there is none. */
  state?: StackState;
  /** The state was restored from an older version, so it may be older than the account. */
  restored: boolean;
}

/** The account and partition in which a stack is made. */
export interface Place {
  accountId: string;
  partition: Partition;
}

/** The owner of statements and grants in an account: the integration, with its roles. */
export type OwnerWithRoles = Owner & { roles: readonly OwnRole[] };

/** A spec as it is written now. */
export interface Applied {
  spec: StackSpec;
  /** Digest of the shared document as it was read */
  live?: string;
}

/** One teardown of a stack, under its lease. */
export interface Removal {
  lease: HeldLease;
  before: RecordedStack | undefined;
  found: Found;
  /** Whether to refresh first: a role to which somebody added a policy, or that is already gone, must not stop the teardown. */
  refresh: boolean;
  owner: () => Promise<OwnerWithRoles>;
}

type StackOutputs = Readonly<Record<string, unknown>>;

/** One stack's rules. `plainRules` has the defaults. */
export interface StackRules {
  // What follows from the spec alone
  /** The role that it makes. */
  role?: RoleInputs;
  /** The bucket whose policy it writes into. */
  bucket?: string;
  /** What it makes or writes in the account: `role/<name>`, `bucket/<name>`, `alias/<name>`, `key/<ARN>`. */
  named: readonly string[];
  /** ARNs of the documents that it shares with others. The run holds each of them while the stack changes. */
  sharedDocuments: readonly string[];
  /** It works on keys. So the check for leftovers also reads the account's keys. */
  usesKeys: boolean;
  /** We make its main resource. If both its state and the resource are gone, an update is refused (state_damaged). */
  makesMain: boolean;
  /** The stack when it is taken in only to be destroyed. It needs no other stack's outputs. */
  bare: StackSpec;
  /** The same stack without any trust. Sessions from before `since` (RFC 3339) are ended. */
  closed(since: string): StackSpec;
  /** An output that is known before the stack is up. */
  foresee(output: string, place: Place): string | undefined;
  /** Whether `before` made a resource with another name, which the stack's own update won't find. */
  isRenamed(before: StackSpec): boolean;

  /** The documents that it writes, for the guardrails. */
  guarded(): GuardedDocument[];

  // Hand-off
  documents(): NamedPolicy[];
  /** `asksForId`: the template has the parameter `ExternalId`. */
  template(logicalId: string, by: { asksForId: boolean }): TemplateParts;
  /** The role as it would be after it is made. */
  asIfMade(place: Place): LiveRole | undefined;

  // Before, during and after an update
  /** @throws ProblemError stale_principal, policy_too_large, public_policy_blocked */
  preflight(sidPrefix: string, buckets: readonly LiveBucket[]): void;
  /** The spec and documents as an update would write them. Reads only. */
  planned(work: Work): Promise<{ spec: StackSpec; documents: DocumentDiff[] }>;
  /** Provider ids, by logical name, of what exists and isn't `held` in state. */
  findMade(work: Work, held: ReadonlySet<string>): Promise<Record<string, string>>;
  /** The spec with what is known only at the moment of the update. */
  apply(work: Work, moment: { before: RecordedStack | undefined; found: Found }): Promise<Applied>;
  /** What the record keeps in addition to the engine's outputs. */
  outputsBeside(work: Work, applied: Applied, before: RecordedStack | undefined): Promise<Record<string, unknown>>;
  /** After the stack is recorded as up. */
  afterUpdate(work: Work, applied: Applied, outputs: StackOutputs): Promise<void>;
  /** Whether the account holds what was written; it is eventually consistent. */
  isSettled(live: LiveDocuments): boolean;
  differences(outputs: StackOutputs | undefined, sidPrefix: string, live: LiveDocuments): StackDifference[];

  // Teardown
  /** Returns `left` if the resource is somebody else's. Then state drops it. */
  remove(work: Work, removal: Removal): Promise<"removed" | "left">;
  /** After the stack is destroyed: keeps what is kept on purpose. */
  afterRemoval(work: Work): Promise<void>;
  /** What still exists of a stack that should be gone. */
  survivors(work: Work, owner: OwnerWithRoles): Promise<string[]>;
}

/** A difference without its stack. */
export type StackDifference = Omit<Difference, "stack">;

/** The rules of a stack that makes nothing of its own. Each kind replaces what differs. */
export function plainRules(spec: StackSpec): StackRules {
  return {
    named: [],
    sharedDocuments: [],
    usesKeys: false,
    makesMain: false,
    bare: spec,
    closed: () => spec,
    foresee: () => undefined,
    isRenamed: () => false,
    guarded: () => [],
    documents: () => [],
    template: () => ({ resources: {}, outputs: {}, byHand: [] }),
    asIfMade: () => undefined,
    preflight: () => {},
    planned: async () => ({ spec, documents: [] }),
    findMade: async () => ({}),
    apply: async () => ({ spec }),
    outputsBeside: async () => ({}),
    afterUpdate: async () => {},
    isSettled: () => true,
    differences: () => [],
    remove: (work, removal) => destroyMade(work, spec, removal),
    afterRemoval: async () => {},
    survivors: async () => [],
  };
}

/** Destroys what state holds of a stack, and what must be taken in for that. If there is neither, the engine doesn't run. */
export async function destroyMade(
  work: Work,
  bare: StackSpec,
  { lease, found, refresh }: Pick<Removal, "lease" | "found" | "refresh">,
  adopt: Record<string, string> = found.adopt,
): Promise<"removed"> {
  if (found.state !== undefined || Object.keys(found.adopt).length > 0) await runEngine(work, "destroy", bare, { lease, refresh, adopt });
  return "removed";
}
