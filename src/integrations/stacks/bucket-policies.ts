/** Bucket policies that other people own statements in: read, merge, write, verify; un-merge. Our statements only, ever. */
import type { StackSpec } from "../../../stacks/stack.ts";
import { deleteEmptiedBucketPolicy } from "../../accounts/actions.ts";
import { readBucketPolicy } from "../../accounts/live-documents.ts";
import { mergeStatements, unmergeStatements } from "../../iam/words/merge.ts";
import { documentDigest, type PolicyDocument, sameDocument } from "../../iam/words/policy-document.ts";
import { sidPrefix } from "../../iam/words/sid.ts";
import type { HeldLease } from "../../operations/lease.ts";
import { runEngine, type Work } from "../work.ts";

type BucketPolicySpec = Extract<StackSpec, { kind: "bucket-policy" }>;

const ABSENT = "absent";

/** Digest of a policy as it stands; a bucket without one has a digest of its own. */
export const policyDigest = (policy: PolicyDocument | undefined): string => (policy ? documentDigest(policy) : ABSENT);

/**
 * The spec as it is applied: the live policy, read now, with this integration's statements merged in. The prior document goes
 * into an event, because AWS offers no compare-and-swap: an edit inside the window between this read and the write can't be seen
 * afterwards, and this is where it can be found.
 */
export async function mergedPolicy(work: Work, spec: BucketPolicySpec): Promise<{ spec: BucketPolicySpec; live: string }> {
  const { account, run, integration } = work;
  const { bucket, policy } = spec.inputs;
  const live = await readBucketPolicy(account.clients.s3, bucket, account.tenant.accountId);
  await run.progress("bucket-policy-read", { bucket, prior: live ?? null });
  const merged = mergeStatements(live, sidPrefix(account.tenant.name, integration), policy.Statement);
  return { spec: { ...spec, inputs: { bucket, policy: merged } }, live: policyDigest(live) };
}

/**
 * Takes this integration's statements out of a bucket's policy. While others remain, an `up` writes the document without ours;
 * when none remain the policy is deleted, since S3 takes no empty one. Either way the stack only lets go of the resource: it
 * never deletes a policy in which somebody else may have a statement.
 */
export async function takeStatementsAway(work: Work, spec: BucketPolicySpec, lease: HeldLease): Promise<void> {
  const { account, run, integration } = work;
  const { bucket } = spec.inputs;
  const owner = account.tenant.accountId;
  const live = await readBucketPolicy(account.clients.s3, bucket, owner);
  await run.progress("bucket-policy-read", { bucket, prior: live ?? null });
  const rest = unmergeStatements(live, sidPrefix(account.tenant.name, integration));
  if (rest === undefined) {
    if (live !== undefined) await deleteEmptiedBucketPolicy(account.clients.s3, bucket, owner);
  } else if (live !== undefined && !sameDocument(rest, live)) {
    await runEngine(work, "up", { ...spec, inputs: { bucket, policy: rest } }, { lease, refresh: true });
  }
}
