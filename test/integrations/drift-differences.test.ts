import assert from "node:assert/strict";
import { test } from "node:test";
import type { LiveDocuments, LiveKey, LiveRole } from "../../src/iam/live.ts";
import type { PolicyDocument, Statement } from "../../src/iam/policy-document.ts";
import { differencesOf } from "../../src/integrations/drift-differences.ts";
import type { StackSpec } from "../../stacks/stack.ts";

const document = (...Statement: Statement[]): PolicyDocument => ({ Version: "2012-10-17", Statement });
const trusted: Statement = {
  Sid: "DrawbridgeTrust",
  Effect: "Allow",
  Principal: { AWS: "arn:aws:iam::765656841499:role/Vendor" },
  Action: "sts:AssumeRole",
  Condition: { StringEquals: { "sts:ExternalId": "an-id-that-is-long-enough" } },
};
const read: Statement = { Sid: "Read", Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::data/*" };
const keyArn = "arn:aws:kms:us-east-1:222222222222:key/1";
const specs: StackSpec[] = [
  {
    kind: "role",
    key: "c1",
    inputs: {
      name: "C1",
      description: "",
      trust: document(trusted),
      inlinePolicies: [{ name: "Permissions", document: document(read) }],
      managedPolicyArns: ["arn:aws:iam::aws:policy/A"],
      permissionsBoundaryArn: "arn:aws:iam::222222222222:policy/B",
      tags: { "drawbridge:tenant": "acme" },
    },
  },
  { kind: "bucket-policy", key: "data", inputs: { bucket: "data", policy: document({ ...trusted, Sid: "DrawbridgeabRead" }) } },
  {
    kind: "kms-key",
    key: "own",
    inputs: { description: "", alias: "alias/x", policy: document({ ...read, Sid: "Root" }), tags: {}, encryptBucket: "data" },
  },
  {
    kind: "kms-key",
    key: "theirs",
    inputs: {
      existingKeyArn: `${keyArn}2`,
      grants: [{ name: "g", granteePrincipal: "arn:aws:iam::222222222222:role/C1", operations: ["Decrypt"] }],
    },
  },
];
const role: LiveRole = {
  arn: "arn:aws:iam::222222222222:role/C1",
  roleId: "AROAEXAMPLE",
  name: "C1",
  accountId: "222222222222",
  trust: document(trusted),
  inline: [{ name: "Permissions", document: document(read) }],
  attached: [{ name: "arn:aws:iam::aws:policy/A", document: document(read) }],
  boundary: { name: "arn:aws:iam::222222222222:policy/B", document: document(read) },
  maxSessionDuration: 3600,
  tags: { "drawbridge:tenant": "acme", theirs: "too" },
};
const foreign: Statement = { ...read, Sid: "Theirs", Principal: "*" };
const bucket: LiveDocuments["buckets"][number] = {
  name: "data",
  accountId: "222222222222",
  region: "us-east-1",
  policy: document(foreign, { ...trusted, Sid: "DrawbridgeabRead" }),
  encryption: { algorithm: "aws:kms", kmsKeyArn: keyArn },
};
const ownKey: LiveKey = {
  arn: keyArn,
  accountId: "222222222222",
  state: "Enabled",
  policy: document({ ...read, Sid: "Root" }),
  grants: [],
  tags: {},
};
const theirKey: LiveKey = {
  ...ownKey,
  arn: `${keyArn}2`,
  grants: [{ id: "1", granteePrincipal: "arn:aws:iam::222222222222:role/C1", operations: ["Decrypt"] }],
};
const asMade: LiveDocuments = { roles: [role], buckets: [bucket], keys: [ownKey, theirKey] };
const look = (live: LiveDocuments) =>
  differencesOf(
    {
      specs,
      outputs: new Map([["kms-key/own", { keyArn }]]),
      sidPrefix: "Drawbridgeab",
      encryption: [{ bucket: "data", algorithm: "aws:kms", kmsKeyArn: keyArn, mismatch: "error" }],
    },
    live,
  );
const withRole = (change: Partial<LiveRole>): LiveDocuments => ({ ...asMade, roles: [{ ...role, ...change }] });
const withBucket = (change: Partial<typeof bucket>): LiveDocuments => ({ ...asMade, buckets: [{ ...bucket, ...change }] });

test("what is as it was made has no difference, whatever others put beside it", () => {
  assert.deepEqual(look(asMade), []);
});

const { Condition: _condition, ...unconditional } = trusted;
const matrix: [string, LiveDocuments, { stack: string; document: string; what: string; words: RegExp }][] = [
  ["a role that is gone", { ...asMade, roles: [] }, { stack: "role/c1", document: "role", what: "missing", words: /doesn't exist/ }],
  [
    "a condition taken from the trust",
    withRole({ trust: document(unconditional) }),
    { stack: "role/c1", document: "trust", what: "changed", words: /DrawbridgeTrust of the trust lost its Condition/ },
  ],
  [
    "another principal in the trust",
    withRole({
      trust: document({ ...trusted, Principal: { AWS: ["arn:aws:iam::765656841499:role/Vendor", "arn:aws:iam::999999999999:root"] } }),
    }),
    { stack: "role/c1", document: "trust", what: "changed", words: /has another Principal/ },
  ],
  [
    "a principal that was deleted",
    withRole({ trust: document({ ...trusted, Principal: { AWS: "AROAIIIIIIIIIIIIIIIII" } }) }),
    { stack: "role/c1", document: "trust", what: "changed", words: /deleted principal AROAIIIIIIIIIIIIIIIII/ },
  ],
  [
    "a statement added to the trust",
    withRole({ trust: document(trusted, { ...unconditional, Sid: "Backdoor" }) }),
    { stack: "role/c1", document: "trust", what: "added", words: /Backdoor of the trust was added/ },
  ],
  [
    "an inline policy added",
    withRole({ inline: [...role.inline, { name: "More", document: document(read) }] }),
    { stack: "role/c1", document: "inline/More", what: "added", words: /Inline policy More was added/ },
  ],
  [
    "an inline policy removed",
    withRole({ inline: [] }),
    { stack: "role/c1", document: "inline/Permissions", what: "removed", words: /was removed/ },
  ],
  [
    "an inline policy widened",
    withRole({ inline: [{ name: "Permissions", document: document({ ...read, Resource: "*" }) }] }),
    { stack: "role/c1", document: "inline/Permissions", what: "changed", words: /has another Resource/ },
  ],
  [
    "a managed policy attached",
    withRole({ attached: [...role.attached, { name: "arn:aws:iam::aws:policy/AdministratorAccess", document: document(read) }] }),
    { stack: "role/c1", document: "attached", what: "added", words: /AdministratorAccess was attached/ },
  ],
  [
    "a managed policy detached",
    withRole({ attached: [] }),
    { stack: "role/c1", document: "attached", what: "removed", words: /was detached/ },
  ],
  [
    "a longer session",
    withRole({ maxSessionDuration: 43_200 }),
    { stack: "role/c1", document: "session-duration", what: "changed", words: /43200 s instead of 3600/ },
  ],
  [
    "an ownership tag removed",
    withRole({ tags: {} }),
    { stack: "role/c1", document: "tags", what: "removed", words: /drawbridge:tenant was removed/ },
  ],
  [
    "a lost statement of the bucket's policy",
    withBucket({ policy: document(foreign) }),
    { stack: "bucket-policy/data", document: "bucket-policy", what: "removed", words: /DrawbridgeabRead.*is gone/ },
  ],
  [
    "a bucket that is gone",
    { ...asMade, buckets: [] },
    { stack: "bucket-policy/data", document: "bucket-policy", what: "missing", words: /doesn't exist/ },
  ],
  [
    "another default encryption",
    withBucket({ encryption: { algorithm: "AES256" } }),
    { stack: "bucket/data", document: "encryption", what: "changed", words: /encrypted by AES256 by default instead of aws:kms/ },
  ],
  [
    "a key that is being deleted",
    { ...asMade, keys: [{ ...ownKey, state: "PendingDeletion" }, theirKey] },
    { stack: "kms-key/own", document: "key", what: "changed", words: /is PendingDeletion/ },
  ],
  [
    "a statement added to our key's policy",
    { ...asMade, keys: [{ ...ownKey, policy: document({ ...read, Sid: "Root" }, { ...foreign }) }, theirKey] },
    { stack: "kms-key/own", document: "key-policy", what: "added", words: /Theirs of the key's policy was added/ },
  ],
  [
    "a grant that is gone",
    { ...asMade, keys: [ownKey, { ...theirKey, grants: [] }] },
    { stack: "kms-key/theirs", document: "grants", what: "removed", words: /Grant g .* is gone/ },
  ],
];
for (const [what, live, expected] of matrix) {
  test(`${what} is seen and said`, () => {
    const found = look(live);
    const one = found.find(({ stack, document: name }) => stack === expected.stack && name === expected.document);
    assert.ok(one, JSON.stringify(found));
    assert.equal(one.what, expected.what);
    assert.match(one.words, expected.words);
    assert.ok(!JSON.stringify(found).includes("an-id-that-is-long-enough"), "external ids are fingerprints");
  });
}

test("a boundary that was removed is seen", () => {
  const { boundary: _boundary, ...unbounded } = role;
  const [one] = look({ ...asMade, roles: [unbounded] });
  assert.deepEqual([one?.document, one?.what], ["boundary", "removed"]);
});
