/**
 * Changes of policies that others write in as well. Only these functions make such a change, and each of them touches the statements of one
 * integration alone; src/accounts/actions.ts takes nothing else.
 */
import { mergeStatements, unmergeStatements } from "../iam/words/merge.ts";
import { type PolicyDocument, readDocument, type Statement, sameDocument } from "../iam/words/policy-document.ts";
import { sidPrefix } from "../iam/words/sid.ts";
import type { Owner } from "./inventory.ts";

const own = Symbol("own");

/** A key's policy with other statements of ours, and with everybody else's as they stand. */
export interface KeyPolicyChange {
  readonly [own]: true;
  readonly keyArn: string;
  readonly document: PolicyDocument;
  /** What is written */
  readonly text: string;
}

/** A bucket's policy in which nobody but us has a statement. */
export interface EmptiedPolicy {
  readonly [own]: true;
  readonly bucket: string;
}

const prefixOf = ({ tenant, integration }: Owner): string => sidPrefix(tenant.name, integration);

/**
 * The change that makes the owner's statements in a key's policy these; undefined when they are.
 *
 * @throws ProblemError guardrail when a statement doesn't carry the owner's Sid
 */
export function withOwnStatements(
  keyArn: string,
  live: PolicyDocument,
  owner: Owner,
  statements: readonly Statement[],
): KeyPolicyChange | undefined {
  const document = mergeStatements(live, prefixOf(owner), statements);
  return sameDocument(document, live) ? undefined : { [own]: true, keyArn, document, text: JSON.stringify(document) };
}

/**
 * The change that takes the owner's statements out of a key's policy; undefined when none is there. `prior` is the policy's text from before
 * the first of them: where it still says the same, it is put back to the byte.
 */
export function withoutOwnStatements(keyArn: string, live: PolicyDocument, owner: Owner, prior?: string): KeyPolicyChange | undefined {
  const document = unmergeStatements(live, prefixOf(owner));
  // A key always has a statement of its owner's: a policy of ours alone would let nobody administer the key.
  if (document === undefined || sameDocument(document, live)) return undefined;
  const isAsBefore = prior !== undefined && sameDocument(readDocument(prior), document);
  return { [own]: true, keyArn, document, text: isAsBefore ? prior : JSON.stringify(document) };
}

/** A bucket's policy that holds the owner's statements and no others; undefined for any other. */
export function emptiedPolicy(bucket: string, live: PolicyDocument | undefined, owner: Owner): EmptiedPolicy | undefined {
  if (live === undefined || unmergeStatements(live, prefixOf(owner)) !== undefined) return undefined;
  return { [own]: true, bucket };
}
