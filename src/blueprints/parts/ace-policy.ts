/** The policy that AWS's partner side issues for one bucket and one key of its own account: what of it may be attached. */

import type { ContractGrant } from "../../iam/contract/contract.ts";
import { matchesWildcard } from "../../iam/evaluate/wildcard.ts";
import { catalogueAction } from "../../iam/words/action-catalogue.ts";
import { bucketOfArn } from "../../iam/words/bucket-name.ts";
import { listOf, type PolicyDocument, type Statement } from "../../iam/words/policy-document.ts";

/** What a client of such a bucket has use for; a pattern in the document must lie inside one of these. */
const usable = [
  "s3:ListBucket",
  "s3:GetBucketLocation",
  "s3:GetObject",
  "s3:GetObjectTagging",
  "s3:PutObject",
  "s3:PutObjectAcl",
  "s3:PutObjectTagging",
  "s3:DeleteObject",
  "s3:DeleteObjectTagging",
  "s3:AbortMultipartUpload",
  "s3:ListMultipartUploadParts",
  "kms:Decrypt",
  "kms:Encrypt",
  "kms:DescribeKey",
  "kms:ReEncrypt*",
  "kms:GenerateDataKey*",
];

export interface AceResources {
  /** Bucket names look like `ace-apn-<id>-prod-us-west-2`, this is that pattern for the right stage. */
  bucketPattern: RegExp;
  bucket?: string | undefined;
  kmsKeyArn?: string | undefined;
}

/** What is wrong with the document, in sentences: it may reach one bucket of the right name and one key, by known actions, and nothing else. */
export function acePolicyFaults(document: PolicyDocument, expected: AceResources): string[] {
  if (document.Statement.length === 0) return ["The policy has no statement."];
  if (document.Version !== "2012-10-17") return ["The policy's Version isn't 2012-10-17."];
  const sids = document.Statement.flatMap(({ Sid }) => Sid ?? []);
  const resources = document.Statement.flatMap((statement) => listOf(statement.Resource));
  const buckets = new Set(resources.flatMap((arn) => bucketOfArn(arn) ?? []));
  const keys = new Set(resources.filter((arn) => isKey(arn)));
  return [
    ...document.Statement.flatMap((statement, index) => statementFaults(statement, statement.Sid ?? `${index + 1}`)),
    ...(new Set(sids).size < sids.length ? ["Two statements have the same Sid."] : []),
    ...resources
      .filter((arn) => bucketOfArn(arn) === undefined && !isKey(arn))
      .map((arn) => `It names ${arn}, which is neither the bucket nor a key.`),
    ...[...buckets].filter((name) => !expected.bucketPattern.test(name)).map((name) => `The bucket ${name} isn't one of this environment.`),
    ...differing("bucket", [...buckets], expected.bucket),
    ...differing("key", [...keys], expected.kmsKeyArn),
  ];
}

const isKey = (arn: string): boolean => /^arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key\/[A-Za-z0-9-]+$/.test(arn);

function statementFaults(statement: Statement, name: string): string[] {
  const at = `Statement ${name}`;
  const unusual = Object.keys(statement).filter((key) => !["Sid", "Effect", "Action", "Resource", "Condition"].includes(key));
  const actions = listOf(statement.Action);
  return [
    ...(statement.Effect === "Allow" ? [] : [`${at} doesn't allow but deny.`]),
    ...unusual.map((key) => `${at} has the element ${key}, which such a policy has no use for.`),
    ...(actions.length === 0 ? [`${at} names no action.`] : []),
    ...actions.filter((action) => !isUsable(action)).map((action) => `${at} allows ${action}, which a sync has no use for.`),
    ...(listOf(statement.Resource).length === 0 ? [`${at} names no resource.`] : []),
    ...listOf(statement.Resource)
      .filter((resource) => resource === "*" || /\*./.test(resource) || /[?]|\$\{/.test(resource) || /:s3:::[^/]*\*/.test(resource))
      .map((resource) => `${at} has the resource ${resource}, which is open.`),
  ];
}

function isUsable(action: string): boolean {
  if (usable.some((known) => known.toLowerCase() === action.toLowerCase())) return true;
  const exact = !/[*?]/.test(action) && catalogueAction(action) !== undefined;
  return exact && usable.some((known) => matchesWildcard(known.toLowerCase(), action.toLowerCase()));
}

function differing(what: string, found: string[], expected: string | undefined): string[] {
  const several = found.length > 1 ? [`It names ${found.length} different ${what}s: ${found.join(", ")}.`] : [];
  const others =
    expected === undefined ? [] : found.filter((one) => one !== expected).map((one) => `It names ${what} ${one}, and not ${expected}.`);
  return [...several, ...others];
}

/** The contract of a document that acePolicyFaults found nothing in: a grant for each of its statements. */
export function acePolicyGrants(document: PolicyDocument): ContractGrant[] {
  return document.Statement.map(({ Sid, Action, Resource, Condition }, index) => ({
    id: Sid ?? `Statement${index + 1}`,
    actions: listOf(Action),
    resources: listOf(Resource),
    ...(Condition && { condition: Condition }),
    why: "as the policy says that AWS issued",
  }));
}
