/** Requests with the documents that decide them, valid by AWS's grammar, drawn from a seed: the same seed gives the same case. */
import type { AccessDocuments, AccessRequest } from "../src/iam/evaluate/evaluate.ts";
import type { NamedDocument } from "../src/iam/words/live.ts";
import type { ConditionBlock, PolicyDocument, Statement } from "../src/iam/words/policy-document.ts";

export interface GeneratedCase {
  family: "bucket" | "role" | "key";
  request: AccessRequest;
  documents: AccessDocuments;
  resourceAccount: string;
}

interface Draw {
  pick<T>(pool: readonly T[]): T;
  chance(oneIn: number): boolean;
  many<T>(pool: readonly T[], most: number): T[];
}

/** Numbers from a seed (Mulberry32). */
function draw(seed: number): Draw {
  let state = (seed * 2_654_435_761) >>> 0;
  const next = (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
  const pick = <T>(pool: readonly T[]): T => pool[next(pool.length)] as T;
  return {
    pick,
    chance: (oneIn) => next(oneIn) === 0,
    many: (pool, most) => [...new Set(Array.from({ length: 1 + next(most) }, () => pick(pool)))],
  };
}

const own = "111122223333";
const foreign = "444455556666";
const askers = [
  { principal: `arn:aws:sts::${own}:assumed-role/Data/run`, arn: `arn:aws:iam::${own}:role/Data`, account: own },
  { principal: `arn:aws:iam::${own}:user/Alice`, arn: `arn:aws:iam::${own}:user/Alice`, account: own, username: "Alice" },
  { principal: `arn:aws:sts::${foreign}:assumed-role/Vendor/job`, arn: `arn:aws:iam::${foreign}:role/Vendor`, account: foreign },
  { principal: `arn:aws:iam::${foreign}:user/Bob`, arn: `arn:aws:iam::${foreign}:user/Bob`, account: foreign, username: "Bob" },
];
const principals = [
  ...askers.flatMap(({ principal, arn }) => [principal, arn]),
  `arn:aws:iam::${own}:root`,
  `arn:aws:iam::${foreign}:root`,
  foreign,
];
const keyArn = `arn:aws:kms:eu-west-1:${own}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
const roleArn = `arn:aws:iam::${own}:role/Bridge`;

const families = {
  bucket: {
    actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
    patterns: ["s3:GetObject", "s3:PutObject", "s3:Get*", "s3:*", "*", "s3:?utObject", "s3:ListBucket", "S3:getobject"],
    resources: ["arn:aws:s3:::files/in/a.csv", "arn:aws:s3:::files/home/Alice/x"],
    resourcePatterns: [
      "arn:aws:s3:::files/*",
      "arn:aws:s3:::files/in/*",
      "*",
      "arn:aws:s3:::files/home/${aws:username}/*",
      "arn:aws:s3:::f*/?n/*",
      "arn:aws:s3:::other/*",
    ],
    keys: {} as Record<string, readonly string[]>,
  },
  role: {
    actions: ["sts:AssumeRole"],
    patterns: ["sts:AssumeRole", "sts:*", "*", "sts:TagSession", "sts:Assume*"],
    resources: [roleArn],
    resourcePatterns: [roleArn, `arn:aws:iam::${own}:role/*`, "*", `arn:aws:iam::${foreign}:role/*`],
    keys: { "sts:ExternalId": ["right-id", "wrong-id"] },
  },
  key: {
    actions: ["kms:Decrypt", "kms:DescribeKey"],
    patterns: ["kms:Decrypt", "kms:*", "*", "kms:Describe*", "kms:Encrypt"],
    resources: [keyArn],
    resourcePatterns: [keyArn, "*", `arn:aws:kms:*:${own}:key/*`, `arn:aws:kms:eu-west-1:${foreign}:key/*`],
    keys: {} as Record<string, readonly string[]>,
  },
} as const;

/** Keys that any request may carry, with values and the operators that fit their type. */
const globalKeys: { key: string; values: readonly string[]; wanted: readonly string[]; operators: readonly string[] }[] = [
  {
    key: "aws:PrincipalTag/team",
    values: ["red", "Red", "blue"],
    wanted: ["red", "b*", "r?d", "green"],
    operators: ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"],
  },
  {
    key: "aws:SourceIp",
    values: ["203.0.113.7", "198.51.100.9"],
    wanted: ["203.0.113.0/24", "198.51.100.9/32", "128.0.0.0/1"],
    operators: ["IpAddress", "NotIpAddress"],
  },
  { key: "aws:SecureTransport", values: ["true", "false"], wanted: ["true", "false"], operators: ["Bool"] },
  {
    key: "aws:CurrentTime",
    values: ["2026-11-22T12:00:00Z"],
    wanted: ["2026-11-22T12:00:00Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"],
    operators: ["DateLessThan", "DateGreaterThan", "DateLessThanEquals", "DateGreaterThanEquals", "DateEquals", "DateNotEquals"],
  },
  {
    key: "aws:MultiFactorAuthAge",
    values: ["10", "3600"],
    wanted: ["10", "300"],
    operators: [
      "NumericLessThan",
      "NumericGreaterThan",
      "NumericEquals",
      "NumericNotEquals",
      "NumericLessThanEquals",
      "NumericGreaterThanEquals",
    ],
  },
  {
    key: "aws:PrincipalArn",
    values: [],
    wanted: [...askers.map(({ arn }) => arn), `arn:aws:iam::${own}:*`, `arn:aws:iam::*:role/*`],
    operators: ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "StringLike"],
  },
  { key: "aws:PrincipalAccount", values: [], wanted: [own, foreign], operators: ["StringEquals", "StringNotEquals"] },
];

function condition(from: Draw, family: keyof typeof families): ConditionBlock {
  const block: ConditionBlock = {};
  if (family === "role" && from.chance(2))
    block[from.pick(["StringEquals", "StringLike", "StringNotEquals", "StringEqualsIfExists"])] = {
      "sts:ExternalId": from.pick(["right-id", "right-*"]),
    };
  if (!from.chance(3)) return block;
  const { key, wanted, operators } = from.pick(globalKeys);
  const operator = `${from.pick(operators)}${from.chance(5) ? "IfExists" : ""}`;
  if (from.chance(6)) block["Null"] = { [key]: from.pick(["true", "false"]) };
  else block[operator] = { ...block[operator], [key]: from.many(wanted, 2) };
  return block;
}

function statement(from: Draw, family: keyof typeof families, kind: "identity" | "resource", index: number): Statement {
  const { patterns, resourcePatterns } = families[family];
  const block = condition(from, family);
  const isTrust = family === "role" && kind === "resource";
  const effect = from.chance(5) ? "Deny" : "Allow";
  const pick = kind === "resource" && family === "key" ? ["*"] : from.many<string>(resourcePatterns, 2);
  const resources = kind === "resource" && family === "bucket" ? pick.filter((text) => text.startsWith("arn:aws:s3:::files")) : pick;
  const actions =
    kind === "resource"
      ? from.many<string>(
          patterns.filter((text) => text !== "*"),
          2,
        )
      : from.many<string>(patterns, 2);
  return {
    Sid: `S${index}`,
    Effect: effect,
    ...(kind === "resource" && { Principal: from.chance(8) ? ("*" as const) : { AWS: from.many(principals, 3) } }),
    ...(from.chance(9) && !isTrust ? { NotAction: actions } : { Action: actions }),
    ...(!isTrust && { Resource: resources.length === 0 ? ["arn:aws:s3:::files/*"] : resources }),
    ...(Object.keys(block).length > 0 && { Condition: block }),
  };
}

function policy(from: Draw, family: keyof typeof families, kind: "identity" | "resource"): PolicyDocument {
  const length = from.pick([1, 1, 2, 3]);
  return { Version: "2012-10-17", Statement: Array.from({ length }, (_, index) => statement(from, family, kind, index)) };
}

/** The case of a seed. Every key that a condition may ask for is there or surely absent, so that nothing is left to guess. */
export function generateCase(seed: number): GeneratedCase {
  const from = draw(seed);
  const family = from.pick(["bucket", "bucket", "role", "key"] as const);
  const asker = from.pick(askers);
  const context: Record<string, string | string[]> = {
    "aws:PrincipalArn": asker.arn,
    "aws:PrincipalAccount": asker.account,
    ...(asker.username !== undefined && { "aws:username": asker.username }),
  };
  for (const { key, values } of globalKeys) if (values.length > 0) context[key] = from.chance(4) ? [] : from.pick(values);
  for (const [key, values] of Object.entries(families[family].keys)) context[key] = from.chance(4) ? [] : from.pick(values);
  const named = (name: string, document: PolicyDocument): NamedDocument => ({ name, document });
  const resourcePolicy =
    from.chance(6) && family === "bucket" ? undefined : named("the resource's policy", policy(from, family, "resource"));
  const slot = { bucket: "bucketPolicy", role: "trust", key: "keyPolicy" }[family];
  return {
    family,
    request: {
      principal: asker.principal,
      action: from.pick(families[family].actions),
      resource: from.pick(families[family].resources),
      context,
    },
    documents: {
      identity: from.chance(4)
        ? []
        : [named("policy A", policy(from, family, "identity")), named("policy B", policy(from, family, "identity"))],
      ...(from.chance(5) && { boundary: named("the boundary", policy(from, family, "identity")) }),
      ...(from.chance(6) && asker.username === undefined && { session: named("the session policy", policy(from, family, "identity")) }),
      ...(resourcePolicy && { [slot]: resourcePolicy }),
      resourceAccount: own,
    },
    resourceAccount: own,
  };
}
