/** Generated requests and documents, from small pools so that statements often meet the request. */
import fc from "fast-check";
import type { AccessDocuments, AccessRequest } from "../../src/iam/evaluate/evaluate.ts";
import type { NamedDocument } from "../../src/iam/words/live.ts";
import type { PolicyDocument, Statement } from "../../src/iam/words/policy-document.ts";

const account = "111122223333";
const other = "444455556666";
const principals = [
  `arn:aws:sts::${account}:assumed-role/Data/run`,
  `arn:aws:iam::${account}:user/Alice`,
  `arn:aws:sts::${other}:assumed-role/Vendor/job`,
  `arn:aws:iam::${other}:user/Vendor`,
  `arn:aws:iam::${account}:root`,
];
const named = [...principals, `arn:aws:iam::${account}:role/Data`, `arn:aws:iam::${other}:role/Vendor`, `arn:aws:iam::${other}:root`, "*"];
const actions = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"];
const actionPatterns = [...actions, "s3:Get*", "s3:*", "*", "s3:?utObject", "kms:Decrypt"];
const resources = ["arn:aws:s3:::files/in/a", "arn:aws:s3:::files/out/b", "arn:aws:s3:::files"];
const resourcePatterns = [...resources, "arn:aws:s3:::files/*", "arn:aws:s3:::files/in/*", "*", "arn:aws:s3:::other/*"];
const keys = ["aws:PrincipalTag/team", "s3:prefix", "aws:SourceVpc"];
const values = ["red", "blue", "r*", "b?ue"];
const operators = [
  "StringEquals",
  "StringNotEquals",
  "StringLike",
  "StringNotLikeIfExists",
  "ForAllValues:StringLike",
  "ForAnyValue:StringEquals",
  "Null",
  "Oddly",
];

const some = <T>(pool: readonly T[]) => fc.subarray([...pool], { minLength: 1, maxLength: 3 });
const oneOrMany = (pool: readonly string[]) => fc.oneof(fc.constantFrom(...pool), some(pool));
const condition = fc.option(
  fc.dictionary(
    fc.constantFrom(...operators),
    fc.dictionary(fc.constantFrom(...keys), oneOrMany([...values, "true"]), { minKeys: 1, maxKeys: 2 }),
    { minKeys: 1, maxKeys: 2 },
  ),
  { nil: undefined, freq: 2 },
);

/** A statement of an identity policy or, with principals, of a bucket's. */
export function statement(kind: "identity" | "bucket", effect?: Statement["Effect"]): fc.Arbitrary<Statement> {
  const parts = fc.record({
    Sid: fc.option(fc.stringMatching(/^[A-Za-z0-9]{1,8}$/), { nil: undefined }),
    Effect: effect === undefined ? fc.constantFrom<Statement["Effect"]>("Allow", "Allow", "Deny") : fc.constant(effect),
    actions: oneOrMany(actionPatterns),
    notAction: fc.integer({ min: 0, max: 9 }),
    resources: oneOrMany(resourcePatterns),
    notResource: fc.integer({ min: 0, max: 9 }),
    principals: oneOrMany(named.slice(0, -1)),
    anyone: fc.integer({ min: 0, max: 5 }),
    condition,
  });
  return parts.map((part) => ({
    ...(part.Sid !== undefined && { Sid: part.Sid }),
    Effect: part.Effect,
    ...(kind === "bucket" && { Principal: part.anyone === 0 ? ("*" as const) : { AWS: part.principals } }),
    ...(part.notAction === 0 ? { NotAction: part.actions } : { Action: part.actions }),
    ...(part.notResource === 0 ? { NotResource: part.resources } : { Resource: part.resources }),
    ...(part.condition !== undefined && { Condition: part.condition }),
  }));
}

/** A document with some statements; `Id` and the old version now and then. */
export function document(kind: "identity" | "bucket", minLength = 0): fc.Arbitrary<PolicyDocument> {
  return fc
    .record({
      Version: fc.constantFrom("2012-10-17", "2012-10-17", "2008-10-17"),
      Id: fc.option(fc.stringMatching(/^[A-Za-z0-9-]{1,12}$/), { nil: undefined }),
      Statement: fc.array(statement(kind), { minLength, maxLength: 4 }),
    })
    .map(({ Id, ...rest }) => ({ ...rest, ...(Id !== undefined && { Id }) }));
}

export const request: fc.Arbitrary<AccessRequest> = fc.record({
  principal: fc.constantFrom(...principals),
  action: fc.constantFrom(...actions),
  resource: fc.constantFrom(...resources),
  context: fc.dictionary(fc.constantFrom(...keys), fc.oneof(fc.constantFrom("red", "blue", "green"), fc.subarray(["red", "blue"])), {
    maxKeys: 3,
  }),
});

const namedDocument = (name: string, kind: "identity" | "bucket"): fc.Arbitrary<NamedDocument> =>
  document(kind).map((one) => ({ name, document: one }));

export const documents: fc.Arbitrary<AccessDocuments> = fc
  .record(
    {
      identity: fc.tuple(namedDocument("inline policy P", "identity"), namedDocument("attached policy Q", "identity")),
      boundary: namedDocument("the boundary", "identity"),
      session: namedDocument("the session policy", "identity"),
      bucketPolicy: namedDocument("the policy of bucket files", "bucket"),
      resourceAccount: fc.constant(account),
    },
    { requiredKeys: ["identity", "resourceAccount"] },
  )
  .map((all): AccessDocuments => all);
