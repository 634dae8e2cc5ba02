/** Direct writes go to what is ours alone: what they take can be made by the look-ups only, and those know somebody else's things. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { DescribeKeyCommand, KMSClient, ListGrantsCommand, ListKeysCommand, ListResourceTagsCommand } from "@aws-sdk/client-kms";
import { S3Client } from "@aws-sdk/client-s3";
import * as actions from "../../src/accounts/actions.ts";
import type { AccountClients } from "../../src/accounts/clients.ts";
import { type EncryptionRules, ownEncryption } from "../../src/accounts/encryption.ts";
import { findOwnGrants } from "../../src/accounts/grants.ts";
import { findAdoptableRole, findNamedRole } from "../../src/accounts/inventory.ts";
import { findOwnedKey, findOwnedKeys } from "../../src/accounts/keys.ts";
import { emptiedPolicy, withOwnStatements, withoutOwnStatements } from "../../src/accounts/own-statements.ts";
import type { PolicyDocument, Statement } from "../../src/iam/words/policy-document.ts";
import { ourSid } from "../../src/iam/words/sid.ts";
import { stackName } from "../../stacks/name.ts";

const owner = { tenant: { name: "acme", accountId: "111122223333" }, integration: "c1" };
const login = { region: "eu-west-1", credentials: { accessKeyId: "a", secretAccessKey: "b" } };
const arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555";

const iamWith = (tags: Record<string, string> | undefined, roleId = "AROAOURS") =>
  Object.assign(new IAMClient(login), {
    send: async (command: unknown) => {
      assert.ok(command instanceof GetRoleCommand);
      if (tags === undefined) throw Object.assign(new Error("none"), { name: "NoSuchEntityException" });
      const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      return { Role: { RoleName: "r", Arn: "arn:aws:iam::111122223333:role/r", RoleId: roleId, Tags } };
    },
  });

const kmsWith = (tags: Record<string, string>) =>
  Object.assign(new KMSClient(login), {
    send: async (command: unknown) => {
      if (command instanceof ListKeysCommand) return { Keys: [{ KeyId: arn }] };
      if (command instanceof ListResourceTagsCommand)
        return { Tags: Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })) };
      assert.ok(command instanceof DescribeKeyCommand);
      return { KeyMetadata: { KeyId: "k", Arn: arn, KeyState: "Enabled" } };
    },
  });

const ours = { "drawbridge:tenant": "acme", "drawbridge:stack": stackName("kms-key", "c1") };

test("a write takes nothing but what a look-up made", () => {
  const [iam, kms, s3] = [new IAMClient(login), new KMSClient(login), new S3Client(login)];
  // Never run: `npm run check:types` fails when one of these compiles.
  const never = () => [
    // @ts-expect-error: a role by its name
    actions.closeTrust(iam, { name: "r", arn: "a" }),
    // @ts-expect-error: a role by its name
    actions.revokeSessions(iam, { name: "r", arn: "a" }, "now"),
    // @ts-expect-error: a role that nobody looked at
    actions.tagRole(iam, { name: "r" }, {}),
    // @ts-expect-error: a grant by its id
    actions.revokeGrant(kms, { keyArn: arn, id: "g", name: "g" }),
    // @ts-expect-error: a key's policy as text
    actions.putKeyPolicy(kms, { keyArn: arn, text: "{}", document: { Version: "", Statement: [] } }),
    // @ts-expect-error: a bucket by its name
    actions.deleteEmptiedBucketPolicy(s3, { bucket: "b" }, "111122223333"),
    // @ts-expect-error: a bucket by its name
    actions.restoreEncryption(s3, { bucket: "b" }, null, "111122223333"),
    // @ts-expect-error: a key by its ARN
    actions.tagRetained(kms, { id: "k", arn, enabled: true, tags: ours }, "now"),
    // @ts-expect-error: a key by its ARN
    actions.clearRetained(kms, { id: "k", arn, enabled: true, tags: ours }),
    // @ts-expect-error: a key by its ARN
    actions.scheduleKeyDeletion(kms, { id: "k", arn, enabled: true, tags: ours }, 7),
  ];
  assert.equal(typeof never, "function");
});

test("every write of src/accounts/actions.ts is looked at above", () => {
  assert.deepEqual(Object.keys(actions).sort(), [
    "clearRetained",
    "closeTrust",
    "deleteEmptiedBucketPolicy",
    "putKeyPolicy",
    "restoreEncryption",
    "revokeGrant",
    "revokeSessions",
    "scheduleKeyDeletion",
    "tagRetained",
    "tagRole",
  ]);
});

test("a role is ours by both its tags or by its recorded unique id", async () => {
  const standing = async (tags: Record<string, string> | undefined, uniqueId?: string) =>
    (await findNamedRole(iamWith(tags), { name: "r", ...(uniqueId && { uniqueId }) }, owner)).standing;
  assert.equal(await standing({ "drawbridge:tenant": "acme", "drawbridge:integration": "c1" }), "ours");
  assert.equal(await standing({ "drawbridge:tenant": "globex", "drawbridge:integration": "c1" }), "foreign");
  assert.equal(await standing({ "drawbridge:tenant": "acme" }), "foreign");
  assert.equal(await standing({}), "foreign");
  assert.equal(await standing({}, "AROAOURS"), "ours");
  assert.equal(await standing({}, "AROAOTHER"), "foreign");
  assert.equal(await standing(undefined), "absent");
});

test("a role that another tenant or integration has can't be taken over", async () => {
  const isAdoptable = async (tags: Record<string, string> | undefined) =>
    (await findAdoptableRole(iamWith(tags), "r", owner)) !== undefined;
  assert.equal(await isAdoptable({}), true);
  assert.equal(await isAdoptable({ "drawbridge:tenant": "acme", "drawbridge:integration": "c1" }), true);
  assert.equal(await isAdoptable({ "drawbridge:tenant": "globex" }), false);
  assert.equal(await isAdoptable({ "drawbridge:tenant": "acme", "drawbridge:integration": "c2" }), false);
  assert.equal(await isAdoptable(undefined), false);
});

test("a key is a stack's by its tenant's and its stack's tag", async () => {
  const isOwned = async (tags: Record<string, string>) => {
    const kms = kmsWith(tags);
    const [named, listed] = [
      await findOwnedKey(kms, arn, { tenant: "acme", key: "c1" }),
      await findOwnedKeys(kms, { tenant: "acme", key: "c1" }),
    ];
    assert.equal(named !== undefined, listed.length === 1);
    return named !== undefined;
  };
  assert.equal(await isOwned(ours), true);
  assert.equal(await isOwned({ ...ours, "drawbridge:tenant": "globex" }), false);
  assert.equal(await isOwned({ ...ours, "drawbridge:stack": stackName("kms-key", "c2") }), false);
  assert.equal(await isOwned({ "drawbridge:tenant": "acme" }), false);
  assert.equal(await isOwned({}), false);
});

test("a bucket's default encryption is ours only while it names a key of ours", async () => {
  const keys = await findOwnedKeys(kmsWith(ours), { tenant: "acme", key: "c1" });
  const rule = (KMSMasterKeyID?: string): EncryptionRules => [
    { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", ...(KMSMasterKeyID && { KMSMasterKeyID }) } },
  ];
  const isOurs = (live: EncryptionRules) => ownEncryption("b", live, keys) !== undefined;
  assert.deepEqual([isOurs(rule(arn)), isOurs(rule(keys[0]?.id))], [true, true]);
  assert.deepEqual([isOurs(rule()), isOurs(null), isOurs([])], [false, false, false]);
  assert.equal(isOurs(rule("arn:aws:kms:eu-west-1:111122223333:key/99999999-2222-3333-4444-555555555555")), false);
});

test("a grant of the same name is ours only if its grantee is our role", async () => {
  const grants = [
    { GrantId: "ours", Name: "drawbridge-c1", GranteePrincipal: "arn:aws:iam::111122223333:role/ours" },
    { GrantId: "gone", Name: "drawbridge-c1", GranteePrincipal: "AROAOURS" },
    { GrantId: "theirs", Name: "drawbridge-c1", GranteePrincipal: "arn:aws:iam::111122223333:role/theirs" },
    { GrantId: "other", Name: "drawbridge-c2", GranteePrincipal: "arn:aws:iam::111122223333:role/ours" },
  ];
  const send = async (command: unknown) => {
    assert.ok(command instanceof ListGrantsCommand);
    return { Grants: grants };
  };
  const clients = { kms: Object.assign(new KMSClient(login), { send }) } as unknown as AccountClients;
  const roles = [{ arn: "arn:aws:iam::111122223333:role/ours", uniqueId: "AROAOURS" }];
  const inputs = { existingKeyArn: arn, grants: [{ name: "drawbridge-c1", granteePrincipal: "", operations: [] }] };
  assert.deepEqual(
    (await findOwnGrants(clients, inputs, { ...owner, roles })).map(({ id }) => id),
    ["ours", "gone"],
  );
});

const theirs: Statement = { Sid: "Admin", Effect: "Allow", Principal: { AWS: "111122223333" }, Action: "kms:*", Resource: "*" };
const mine: Statement = { ...theirs, Sid: ourSid("acme", "c1", "use"), Action: "kms:Decrypt" };
const neighbours: Statement = { ...theirs, Sid: ourSid("globex", "c1", "use") };
const policy = (...Statement: Statement[]): PolicyDocument => ({ Version: "2012-10-17", Statement });

test("a change of a key's policy touches the statements of one integration alone", () => {
  const added = withOwnStatements(arn, policy(theirs, neighbours), owner, [mine]);
  assert.deepEqual(added?.document.Statement, [theirs, neighbours, mine]);
  assert.equal(withOwnStatements(arn, policy(theirs, mine), owner, [mine]), undefined, "nothing to do");
  assert.throws(() => withOwnStatements(arn, policy(theirs), owner, [neighbours]), /couldn't be taken out again/);
  const taken = withoutOwnStatements(arn, policy(theirs, neighbours, mine), owner);
  assert.deepEqual(taken?.document.Statement, [theirs, neighbours]);
  assert.equal(withoutOwnStatements(arn, policy(theirs, neighbours), owner), undefined, "none of ours");
  assert.equal(withoutOwnStatements(arn, policy(mine), owner), undefined, "it would be nobody's");
});

test("a prior text is put back only where it says what is left", () => {
  const prior = JSON.stringify(policy(theirs), undefined, 2);
  assert.equal(withoutOwnStatements(arn, policy(theirs, mine), owner, prior)?.text, prior);
  assert.notEqual(withoutOwnStatements(arn, policy(theirs, neighbours, mine), owner, prior)?.text, prior);
});

test("a bucket's policy is deleted only where we alone have statements in it", () => {
  assert.ok(emptiedPolicy("reports", policy(mine), owner));
  for (const document of [policy(mine, theirs), policy(mine, neighbours), policy(neighbours), policy(theirs), undefined])
    assert.equal(emptiedPolicy("reports", document, owner), undefined);
});
