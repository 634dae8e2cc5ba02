/**
 * Stacks of the kind `bucket-policy`. Others own statements in the same policy. An update reads, merges, writes and verifies; a teardown
 * un-merges. Both change only our statements.
 */
import type { BucketPolicySpec, StackSpec } from "../../../stacks/stack.ts";
import { deleteEmptiedBucketPolicy } from "../../accounts/actions.ts";
import { bucketStatementsLeft } from "../../accounts/inventory.ts";
import { readBucketPolicy } from "../../accounts/live-documents.ts";
import { emptiedPolicy } from "../../accounts/own-statements.ts";
import { isPublicPolicy } from "../../iam/evaluate/bucket-settings.ts";
import { bucketArn } from "../../iam/words/bucket-name.ts";
import type { LiveBucket, LiveDocuments } from "../../iam/words/live.ts";
import { mergeStatements, unmergeStatements } from "../../iam/words/merge.ts";
import { documentDigest, documentLimits, documentSize, type PolicyDocument, sameDocument } from "../../iam/words/policy-document.ts";
import { sidPrefix } from "../../iam/words/sid.ts";
import { ProblemError } from "../../problem.ts";
import { type DocumentDiff, diffDocuments } from "../document-diff.ts";
import { runEngine, type Work } from "../work.ts";
import { documentDifferences } from "./document-differences.ts";
import { type Applied, destroyMade, plainRules, type Removal, type StackDifference, type StackRules } from "./stack-rules.ts";
import { refuseStalePrincipals } from "./stale-principals.ts";

const isBucketPolicy = (spec: StackSpec): spec is BucketPolicySpec => spec.kind === "bucket-policy";

export function bucketPolicyRules(spec: BucketPolicySpec): StackRules {
  const { bucket, policy } = spec.inputs;
  return {
    ...plainRules(spec),
    bucket,
    named: [`bucket/${bucket}`],
    sharedDocuments: [bucketArn("aws", spec.key)],
    guarded: () => [{ name: `policy of ${spec.key}`, kind: "bucket", document: policy }],
    documents: () => [
      {
        name: `${bucket}: bucket policy`,
        what: `Statements to add to the policy of bucket ${bucket}, beside all that is in it.`,
        document: policy,
      },
    ],
    // AWS::S3::BucketPolicy overwrites all of a policy (CloudFormation user guide), and others own statements in this one.
    template: () => ({
      resources: {},
      outputs: {},
      byHand: [{ Do: `Add these statements to the policy of bucket ${bucket}, beside all that is in it.`, Statement: policy.Statement }],
    }),
    preflight: (prefix, buckets) =>
      checkMerge(
        prefix,
        spec,
        buckets.find(({ name }) => name === bucket),
      ),
    planned: (work) => planned(work, spec),
    apply: (work) => mergedPolicy(work, spec),
    outputsBeside: async (_work, applied) =>
      isBucketPolicy(applied.spec) ? { policyDigest: policyDigest(applied.spec.inputs.policy) } : {},
    differences: (_outputs, prefix, live) => differencesOf(spec, prefix, live),
    remove: (work, removal) => remove(work, spec, removal),
    survivors: ({ account }, owner) => bucketStatementsLeft(account.clients, owner, bucket),
  };
}

const ABSENT = "absent";

/** Digest of a policy as it is now. A bucket without a policy has a digest of its own. */
const policyDigest = (policy: PolicyDocument | undefined): string => (policy ? documentDigest(policy) : ABSENT);

/**
 * The spec as it is applied: the live policy, read now, with this integration's statements merged in. AWS offers no compare-and-swap, so
 * the write overwrites an edit that somebody makes after this read. Nobody can see that afterwards. Therefore the prior document goes into
 * an event, to compare with.
 */
async function mergedPolicy(work: Work, spec: BucketPolicySpec): Promise<Applied> {
  const { account, run, integration } = work;
  const { bucket, policy } = spec.inputs;
  const live = await readBucketPolicy(account.clients.s3, bucket, account.tenant.accountId);
  await run.progress("bucket-policy-read", { bucket, prior: live ?? null });
  const merged = mergeStatements(live, sidPrefix(account.tenant.name, integration), policy.Statement);
  return { spec: { ...spec, inputs: { bucket, policy: merged } }, live: policyDigest(live) };
}

async function planned({ account, integration }: Work, spec: BucketPolicySpec): Promise<{ spec: StackSpec; documents: DocumentDiff[] }> {
  const { bucket, policy } = spec.inputs;
  const { clients, tenant } = account;
  const live = await readBucketPolicy(clients.s3, bucket, tenant.accountId);
  const merged = mergeStatements(live, sidPrefix(tenant.name, integration), policy.Statement);
  const diff = diffDocuments("bucket-policy", live, merged);
  return { spec: { ...spec, inputs: { bucket, policy: merged } }, documents: diff ? [diff] : [] };
}

/** Whether our statements can be written into the bucket's policy, judged on the document that would be written. */
function checkMerge(prefix: string, spec: BucketPolicySpec, bucket: LiveBucket | undefined): void {
  const where = `The policy of bucket ${spec.inputs.bucket}`;
  refuseStalePrincipals(where, bucket?.policy);
  const merged = mergeStatements(bucket?.policy, prefix, spec.inputs.policy.Statement);
  const size = documentSize(merged);
  if (size > documentLimits.bucket) {
    throw new ProblemError(
      "policy_too_large",
      `${where} would have ${size} bytes; S3 takes ${documentLimits.bucket}. Shorten the statements that are there, or use bucketPolicy "none".`,
    );
  }
  if (bucket?.publicAccessBlock?.blockPublicPolicy && isPublicPolicy(merged) !== "no") {
    throw new ProblemError(
      "public_policy_blocked",
      `${where} holds a public statement of somebody else's, and BlockPublicPolicy rejects every write of such a policy. Narrow that statement first.`,
    );
  }
}

/** Others share the document, so only the statements with our Sid are compared. */
function differencesOf({ inputs: { bucket, policy } }: BucketPolicySpec, sidPrefix: string, live: LiveDocuments): StackDifference[] {
  const found = live.buckets.find(({ name }) => name === bucket);
  if (!found) return [{ document: "bucket-policy", what: "missing", words: `Bucket ${bucket} doesn't exist, or isn't the account's own.` }];
  const ours = (found.policy?.Statement ?? []).filter((statement) => statement.Sid?.startsWith(sidPrefix) === true);
  return documentDifferences("bucket-policy", `the policy of bucket ${bucket}`, policy, { Version: policy.Version, Statement: ours });
}

async function remove(work: Work, spec: BucketPolicySpec, removal: Removal): Promise<"removed"> {
  await takeStatementsAway(work, spec, removal);
  // What is left of the policy doesn't belong to the stack, so no refresh is needed.
  return destroyMade(work, spec, { ...removal, refresh: false });
}

/**
 * Removes this integration's statements from a bucket's policy. If other statements remain, an `up` writes the document without ours. If
 * none remain, the policy is deleted, since S3 accepts no empty policy. In both cases the stack only drops the resource from its state: it
 * never deletes a policy in which somebody else may have a statement.
 */
async function takeStatementsAway(work: Work, spec: BucketPolicySpec, { lease }: Removal): Promise<void> {
  const { account, run, integration } = work;
  const { bucket } = spec.inputs;
  const owner = account.tenant.accountId;
  const live = await readBucketPolicy(account.clients.s3, bucket, owner);
  await run.progress("bucket-policy-read", { bucket, prior: live ?? null });
  const rest = unmergeStatements(live, sidPrefix(account.tenant.name, integration));
  const emptied = emptiedPolicy(bucket, live, { tenant: account.tenant, integration });
  if (emptied) await deleteEmptiedBucketPolicy(account.clients.s3, emptied, owner);
  if (rest !== undefined && live !== undefined && !sameDocument(rest, live)) {
    await runEngine(work, "up", { ...spec, inputs: { bucket, policy: rest } }, { lease, refresh: true });
  }
}
