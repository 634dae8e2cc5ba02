/** Each kind of manual edit on each stack kind: the verdict, and what it does to the vendor's access. docs/spec/drift.md shows the same table. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { awsProblem } from "../../src/accounts/aws-problems.ts";
import type { BlueprintContext } from "../../src/blueprints/parts/blueprint.ts";
import { driftVerdict, unknownVerdict, type Verdict } from "../../src/drift/drift-verdict.ts";
import type { LiveBucket, LiveDocuments, LiveKey, LiveRole } from "../../src/iam/words/live.ts";
import type { PolicyDocument, Statement } from "../../src/iam/words/policy-document.ts";
import { sidPrefix } from "../../src/iam/words/sid.ts";
import { requireBlueprint } from "../../src/integrations/desired-stacks.ts";
import { keyGrants } from "../../src/integrations/stacks/key-ladder.ts";
import { ProblemError } from "../../src/problem.ts";
import { liveDocuments, resolved } from "../blueprints/live.ts";

const accountId = "222222222222";
const theirKey = `arn:aws:kms:us-east-1:${accountId}:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0`;
const madeKey = `arn:aws:kms:us-east-1:${accountId}:key/mrk-0123456789abcdef0123456789abcdef`;
const boundary = `arn:aws:iam::${accountId}:policy/Boundary`;
const externalId = "an-id-that-is-long-enough-to-work";
const document = (...Statement: Statement[]): PolicyDocument => ({ Version: "2012-10-17", Statement });
const everything: Statement = { Sid: "Everything", Effect: "Allow", Action: "*", Resource: "*" };

/** A stack kind, as one of the blueprints makes it. */
interface Place {
  blueprint: string;
  parameters: Record<string, unknown>;
  context?: Partial<BlueprintContext>;
  /** The keys as the customer has them, before there is anything of ours */
  keys?: (keys: LiveKey[]) => LiveKey[];
}

const creativeForce = { mode: "delivery", bucket: "data", roleName: "CreativeForce" };
/** A key whose policy names an administrator and leaves IAM no say. */
const undelegated: Statement = {
  Sid: "Admin",
  Effect: "Allow",
  Principal: { AWS: `arn:aws:iam::${accountId}:user/admin` },
  Action: "kms:*",
  Resource: "*",
};
const places: Record<string, Place> = {
  role: { blueprint: "conductorone-s3", parameters: { bucket: "data" }, context: { permissionsBoundaryArn: boundary } },
  "bucket-policy": {
    blueprint: "creative-force-s3",
    parameters: { ...creativeForce, mode: "data-source", encryption: { type: "SSE-S3" }, bucketPolicy: "least" },
  },
  "kms-key": {
    blueprint: "creative-force-s3",
    parameters: { ...creativeForce, encryption: { type: "SSE-KMS", createKey: true, applyBucketEncryption: true } },
    context: { outputs: { "kms-key/it": { keyArn: madeKey } } },
  },
  "kms-key (grants)": {
    blueprint: "creative-force-s3",
    parameters: { ...creativeForce, encryption: { type: "SSE-KMS", kmsKeyArn: theirKey } },
    keys: (keys) => keys.map((key) => ({ ...key, policy: document(undelegated) })),
  },
};

/** The account as we left it, and the verdict over what somebody makes of it. */
function standing(kind: string): { asMade: LiveDocuments; look: (live: LiveDocuments) => Verdict } {
  const place = places[kind];
  assert.ok(place);
  const blueprint = requireBlueprint(place.blueprint);
  const context: BlueprintContext = {
    tenant: "acme",
    integration: "it",
    accountId,
    region: "us-east-1",
    partition: "aws",
    externalIds: [externalId],
    tags: { team: "identity" },
    ...place.context,
  };
  const parameters = blueprint.parameters.parse(place.parameters) as Record<string, unknown>;
  const documents = liveDocuments(blueprint, parameters, context);
  const contract = blueprint.contract(parameters, context);
  const expectations = blueprint.expectations(parameters, context);
  const { encryption } = expectations;
  const keys = place.keys?.(documents.keys) ?? documents.keys;
  const stacks = blueprint.stacks(parameters, context);
  const specs = resolved([...stacks, ...keyGrants("it", { specs: stacks, contract, expectations }, place.keys ? keys : [])], context);
  const grants = specs.flatMap((spec) => (spec.kind === "kms-key" && "grants" in spec.inputs ? spec.inputs.grants : []));
  const role = documents.roles[0];
  assert.ok(role);
  const outputs = new Map<string, Record<string, unknown>>([
    ...Object.entries(context.outputs ?? {}),
    ...specs.flatMap((spec) => (spec.kind === "role" ? [[`role/${spec.key}`, { roleId: role.roleId }] as const] : [])),
  ]);
  const claim = encryption[0] ?? { algorithm: "aws:kms" as const, kmsKeyArn: madeKey };
  const asMade: LiveDocuments = {
    roles: [{ ...role, ...(context.permissionsBoundaryArn && { boundary: { name: boundary, document: document(everything) } }) }],
    buckets: documents.buckets.map((bucket) => ({
      ...bucket,
      encryption: { algorithm: claim.algorithm, ...(claim.kmsKeyArn && { kmsKeyArn: claim.kmsKeyArn }) },
    })),
    keys: keys.map((key) => ({
      ...key,
      grants: grants.map((grant, index) => ({ ...grant, id: `grant-${index}` })),
      ...(key.arn === madeKey && { aliases: ["alias/drawbridge/acme/it"], rotated: true }),
    })),
  };
  const expected = { specs, outputs, sidPrefix: sidPrefix("acme", "it"), encryption };
  return { asMade, look: (live) => driftVerdict(expected, contract, live, "2026-11-22T03:30:00.000Z") };
}

const ofRole = (change: (role: LiveRole) => Partial<LiveRole>) => (live: LiveDocuments) => ({
  ...live,
  roles: live.roles.map((role) => ({ ...role, ...change(role) })),
});
const ofBucket = (change: (bucket: LiveBucket) => Partial<LiveBucket>) => (live: LiveDocuments) => ({
  ...live,
  buckets: live.buckets.map((bucket) => ({ ...bucket, ...change(bucket) })),
});
const ofKey = (change: (key: LiveKey) => Partial<LiveKey>) => (live: LiveDocuments) => ({
  ...live,
  keys: live.keys.map((key) => ({ ...key, ...change(key) })),
});
const ofStatement = (policy: PolicyDocument | undefined, sid: RegExp, change: (statement: Statement) => Statement) => ({
  Version: policy?.Version ?? "",
  Statement: (policy?.Statement ?? []).map((one) => (sid.test(one.Sid ?? "") ? change(one) : one)),
});
const ofTrust = (change: (statement: Statement) => Statement) => ofRole(({ trust }) => ({ trust: ofStatement(trust, /^/, change) }));
const ofOurs = (change: (statement: Statement) => Statement) =>
  ofBucket(({ policy }) => ({ policy: ofStatement(policy, new RegExp(`^${sidPrefix("acme", "it")}`), change) }));
const ofOnlyInline = (change: (statement: Statement) => Statement) =>
  ofRole(({ inline }) => ({ inline: inline.map(({ name, document: one }) => ({ name, document: ofStatement(one, /^/, change) })) }));
const ofPolicy = (change: (policy: PolicyDocument) => PolicyDocument) => ofKey(({ policy }) => ({ policy: change(policy) }));
const { Sid: _sid, ...unnamed } = everything;
const stranger: Statement = {
  Sid: "Theirs",
  Effect: "Allow",
  Principal: { AWS: "arn:aws:iam::999999999999:root" },
  Action: "*",
  Resource: "*",
};
const without =
  <T extends object>(key: keyof T) =>
  (value: T): T => {
    const { [key]: _gone, ...rest } = value;
    return rest as T;
  };

type Access = Verdict["access"];
/** kind, the edit, what is made of the live documents, access, what is said */
const edits: [string, string, (live: LiveDocuments) => LiveDocuments, Access, RegExp][] = [
  ["role", "role deleted", (live) => ({ ...live, roles: [] }), "narrower", /doesn't exist/],
  ["role", "role deleted and made again", ofRole(() => ({ roleId: "AROANEWNEWNEWNEWNEW12" })), "same", /was deleted and made again/],
  [
    "role",
    "inline policy added",
    ofRole(({ inline }) => ({ inline: [...inline, { name: "More", document: document(everything) }] })),
    "wider",
    /Inline policy More was added/,
  ],
  ["role", "inline policy removed", ofRole(() => ({ inline: [] })), "narrower", /Inline policy \w+ was removed/],
  ["role", "inline policy widened", ofOnlyInline((statement) => ({ ...statement, Action: "s3:*" })), "wider", /has another Action/],
  [
    "role",
    "inline policy pointed elsewhere",
    ofOnlyInline((statement) => ({ ...statement, Resource: "arn:aws:s3:::other/*" })),
    "wider-and-narrower",
    /has another Resource/,
  ],
  [
    "role",
    "Deny added to the inline policy",
    ofRole(({ inline }) => ({
      inline: inline.map((one) => ({ ...one, document: document(...one.document.Statement, { ...unnamed, Effect: "Deny" }) })),
    })),
    "narrower",
    /A statement of inline policy \w+ was added/,
  ],
  [
    "role",
    "managed policy attached",
    ofRole(() => ({ attached: [{ name: "arn:aws:iam::aws:policy/AdministratorAccess", document: document(everything) }] })),
    "wider",
    /AdministratorAccess was attached/,
  ],
  ["role", "trust condition removed", ofTrust(without<Statement>("Condition")), "wider", /the trust lost its Condition/],
  [
    "role",
    "external id changed",
    ofTrust((statement) => ({ ...statement, Condition: { StringEquals: { "sts:ExternalId": "another-id-that-is-long" } } })),
    "wider-and-narrower",
    /has another Condition/,
  ],
  [
    "role",
    "external id loosened to a wildcard",
    ofTrust((statement) => ({ ...statement, Condition: { StringLike: { "sts:ExternalId": "*" } } })),
    "wider",
    /has another Condition/,
  ],
  [
    "role",
    "another account added to the trust",
    ofRole(({ trust }) => ({
      trust: document(...trust.Statement, { ...without<Statement>("Resource")(stranger), Action: "sts:AssumeRole" }),
    })),
    "wider",
    /Theirs of the trust was added/,
  ],
  ["role", "everybody in the trust", ofTrust((statement) => ({ ...statement, Principal: "*" })), "wider", /has another Principal/],
  [
    "role",
    "trusted principal replaced",
    ofTrust((statement) => ({ ...statement, Principal: { AWS: "arn:aws:iam::999999999999:root" } })),
    "wider-and-narrower",
    /has another Principal/,
  ],
  [
    "role",
    "trusted principal turned into a unique id",
    ofTrust((statement) => ({ ...statement, Principal: { AWS: "AROAIIIIIIIIIIIIIIIII" } })),
    "narrower",
    /names the deleted principal AROAIIIIIIIIIIIIIIIII/,
  ],
  ["role", "permissions boundary removed", ofRole(() => ({})), "same", /boundary was removed/],
  [
    "role",
    "permissions boundary replaced by a tighter one",
    ofRole(() => ({ boundary: { name: `${boundary}2`, document: document({ ...everything, Action: "ec2:*" }) } })),
    "narrower",
    /boundary is .*Boundary2 now/,
  ],
  ["role", "longest session changed", ofRole(() => ({ maxSessionDuration: 43_200 })), "same", /43200 s instead of 3600/],
  ["role", "ownership tags removed", ofRole(() => ({ tags: {} })), "same", /Tag drawbridge:tenant was removed/],
  [
    "bucket-policy",
    "our statement lost",
    ofBucket(({ policy }) => ({
      policy: document(...(policy?.Statement ?? []).filter(({ Sid }) => !Sid?.startsWith(sidPrefix("acme", "it")))),
    })),
    "same",
    /is gone/,
  ],
  ["bucket-policy", "whole policy deleted", ofBucket(() => ({})), "same", /is gone/],
  [
    "bucket-policy",
    "our statement widened to everybody",
    ofOurs((statement) => ({ ...statement, Principal: "*" })),
    "wider",
    /has another Principal/,
  ],
  [
    "bucket-policy",
    "our statement given more actions",
    ofOurs((statement) => ({ ...statement, Action: "s3:*" })),
    "wider",
    /has another Action/,
  ],
  [
    "bucket-policy",
    "our statement turned into a Deny",
    ofOurs((statement) => ({ ...statement, Effect: "Deny" })),
    "narrower",
    /has another Effect/,
  ],
  [
    "bucket-policy",
    "principal of our statement turned into a unique id",
    ofOurs((statement) => ({ ...statement, Principal: { AWS: "AROAIIIIIIIIIIIIIIIII" } })),
    "same",
    /names the deleted principal/,
  ],
  ["bucket-policy", "bucket deleted", (live) => ({ ...live, buckets: [] }), "narrower", /doesn't exist/],
  [
    "bucket-policy",
    "bucket encrypted with a key of the customer's",
    ofBucket(() => ({ encryption: { algorithm: "aws:kms", kmsKeyArn: theirKey } })),
    "same",
    /encrypted by aws:kms by default instead of AES256/,
  ],
  ["kms-key", "key disabled", ofKey(() => ({ state: "Disabled" })), "narrower", /is Disabled/],
  ["kms-key", "key's deletion scheduled", ofKey(() => ({ state: "PendingDeletion" })), "narrower", /is PendingDeletion/],
  ["kms-key", "key deleted", (live) => ({ ...live, keys: [] }), "narrower", /doesn't exist/],
  [
    "kms-key",
    "stranger added to the key's policy",
    ofPolicy((policy) => document(...policy.Statement, stranger)),
    "wider",
    /Theirs of the key's policy was added/,
  ],
  [
    "kms-key",
    "delegation taken from the key's policy",
    ofPolicy(() => document(undelegated)),
    "wider-and-narrower",
    /DelegateToIam .* is gone/,
  ],
  [
    "kms-key",
    "alias moved or deleted",
    ofKey(() => ({ aliases: ["alias/elsewhere"] })),
    "same",
    /alias\/drawbridge\/acme\/it doesn't lead/,
  ],
  ["kms-key", "rotation switched off", ofKey(() => ({ rotated: false })), "same", /isn't rotated/],
  ["kms-key", "ownership tags removed", ofKey(() => ({ tags: {} })), "same", /Tag drawbridge:stack was removed/],
  [
    "kms-key",
    "bucket's default encryption changed",
    ofBucket(() => ({ encryption: { algorithm: "AES256" } })),
    "same",
    /isn't encrypted with this key/,
  ],
  ["kms-key (grants)", "grant revoked", ofKey(() => ({ grants: [] })), "narrower", /Grant drawbridge-it .* is gone/],
  [
    "kms-key (grants)",
    "grant replaced by a smaller one",
    ofKey(({ grants }) => ({ grants: grants.map((grant) => ({ ...grant, operations: ["Decrypt"] })) })),
    "narrower",
    /is gone/,
  ],
  [
    "kms-key (grants)",
    "second grant given to the role",
    ofKey(({ grants }) => ({
      grants: [...grants, { ...grants[0], id: "2", granteePrincipal: grants[0]?.granteePrincipal ?? "", operations: ["CreateGrant"] }],
    })),
    "wider",
    /a grant .* that we didn't give/,
  ],
  ["kms-key (grants)", "key disabled", ofKey(() => ({ state: "Disabled" })), "narrower", /is Disabled/],
  ["kms-key (grants)", "key deleted", (live) => ({ ...live, keys: [] }), "narrower", /doesn't exist/],
];

/** What other people do with what is theirs. */
const foreign: [string, string, (live: LiveDocuments) => LiveDocuments][] = [
  ["role", "foreign tag added", ofRole(({ tags }) => ({ tags: { ...tags, theirs: "too" } }))],
  [
    "bucket-policy",
    "foreign statement added",
    ofBucket(({ policy }) => ({ policy: document(...(policy?.Statement ?? []), { ...stranger, Resource: "arn:aws:s3:::data/*" }) })),
  ],
  [
    "bucket-policy",
    "foreign statement removed",
    ofBucket(({ policy }) => ({
      policy: document(...(policy?.Statement ?? []).filter(({ Sid }) => Sid?.startsWith(sidPrefix("acme", "it")))),
    })),
  ],
  ["kms-key", "second alias added", ofKey(({ aliases }) => ({ aliases: [...(aliases ?? []), "alias/theirs"] }))],
  [
    "kms-key (grants)",
    "grant given to somebody else",
    ofKey(({ grants }) => ({
      grants: [...grants, { id: "9", granteePrincipal: "arn:aws:iam::999999999999:root", operations: ["Decrypt"] }],
    })),
  ],
  ["kms-key (grants)", "customer's key policy edited", ofPolicy((policy) => document(...policy.Statement, stranger))],
];

const changed = (what: string, live: LiveDocuments): LiveDocuments => {
  // An absent field can't be spread in: exact optional types.
  if (what === "permissions boundary removed") return { ...live, roles: live.roles.map(without<LiveRole>("boundary")) };
  if (what === "whole policy deleted") return { ...live, buckets: live.buckets.map(without<LiveBucket>("policy")) };
  return live;
};

for (const kind of Object.keys(places)) {
  test(`${kind}: as it was made there is no difference, whatever others have beside it`, () => {
    const { asMade, look } = standing(kind);
    assert.deepEqual(look(asMade), { verdict: "none", access: "same", differences: [] });
  });
}

for (const [kind, what, edit, access, words] of edits) {
  test(`${kind}: ${what} is found, ${access}`, () => {
    const { asMade, look } = standing(kind);
    const seen = look(changed(what, edit(asMade)));
    assert.equal(seen.verdict, "found");
    assert.ok(
      seen.differences.some((one) => words.test(one.words)),
      JSON.stringify(seen.differences.map((one) => one.words)),
    );
    assert.equal(seen.access, access);
    assert.match(seen.fingerprint ?? "", /^[0-9a-f]{64}$/);
    assert.ok(!JSON.stringify(seen).includes(externalId), "external ids are fingerprints");
  });
}

for (const [kind, what, edit] of foreign) {
  test(`${kind}: ${what} is none of ours`, () => {
    const { asMade, look } = standing(kind);
    assert.equal(look(edit(asMade)).verdict, "none");
  });
}

const causes: [string, string, number][] = [
  ["AccessDeniedException", "aws_denied", 403],
  ["ThrottlingException", "aws_throttled", 400],
  ["ServiceUnavailable", "aws_throttled", 503],
  ["MalformedQueryString", "aws_rejected", 404],
];
for (const [name, code, httpStatusCode] of causes) {
  test(`${name} while reading is unknown, because of ${code}, and no drift`, () => {
    const error = Object.assign(new Error("no"), { name, $metadata: { httpStatusCode, requestId: "r-1" } });
    const problem = (): unknown => {
      try {
        return awsProblem("reading role It")(error);
      } catch (thrown) {
        return thrown;
      }
    };
    const thrown = problem();
    assert.ok(thrown instanceof ProblemError);
    const seen = unknownVerdict(thrown);
    assert.deepEqual([seen.verdict, seen.access, seen.differences, seen.cause?.code], ["unknown", "unknown", [], code]);
    assert.match(seen.cause?.detail ?? "", /Reading role It: AWS/);
  });
}

test("the documented table is this one", () => {
  const page = readFileSync(new URL("../../docs/spec/drift.md", import.meta.url), "utf8");
  const rows = [
    ...edits.map(([kind, what, , access]) => `| ${kind} | ${what} | ${access} |`),
    ...foreign.map(([kind, what]) => `| ${kind} | ${what} | no drift |`),
  ];
  assert.deepEqual(
    page.split("\n").filter((line) => /^\| (role|bucket-policy|kms-key)/.test(line)),
    rows,
  );
});
