import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ZodType } from "zod";
import { AccountId, parseAccountId } from "../../src/iam/words/account-id.ts";
import { ExactArn, formatArn, KmsKeyArn, parseArn, partitions, Region, RoleArn } from "../../src/iam/words/arn.ts";
import { BucketName, bucketArn, bucketOfArn, ObjectPrefix, parseBucketName, parseObjectPrefix } from "../../src/iam/words/bucket-name.ts";
import {
  ExternalId,
  externalIdFingerprint,
  generateExternalId,
  parseExternalId,
  refuseExternalId,
} from "../../src/iam/words/external-id.ts";
import { isUniqueId, OutsidePrincipal, parsePrincipal, sessionArn } from "../../src/iam/words/principal.ts";
import { PolicyName, parseRoleName, parseSessionName, RoleName, SessionName } from "../../src/iam/words/role-name.ts";
import { isOurSid, ourSid, sidPrefix } from "../../src/iam/words/sid.ts";

const long = (length: number): string => "abcd".repeat(Math.ceil(length / 4)).slice(0, length);
const schemas: [string, ZodType, string[], unknown[]][] = [
  [
    "AccountId",
    AccountId,
    ["111122223333", "000000000000"],
    ["11112222333", "1111222233334", "11112222333a", "١١١١٢٢٢٢٣٣٣٣", 111122223333, "111122223333 ", ""],
  ],
  ["RoleName", RoleName, ["Bridge", "a", "A_b+c=d,e.f@g-h", long(64)], ["", "a b", "a/b", "a*", "${x}", long(65), "é", "a\n"]],
  ["SessionName", SessionName, ["ab", "acme@x", long(64)], ["a", "Your Session Name", "a/b", long(65), "*"]],
  ["PolicyName", PolicyName, ["P", long(128)], ["", long(129), "a b", "a*"]],
  [
    "BucketName",
    BucketName,
    ["abc", "acme-files.eu", "1a2", long(63)],
    [
      "ab",
      long(64),
      "Acme",
      "a_b",
      "-ab",
      "ab-",
      "a..b",
      "192.168.0.1",
      "xn--abc",
      "abc-s3alias",
      "abc--x-s3",
      "amzn-s3-demo-abc",
      "a*b",
      "a/b",
      "${b}",
      "a b",
      "abc\n",
    ],
  ],
  [
    "ObjectPrefix",
    ObjectPrefix,
    ["in/", "a/b-c_d/", "x.y/"],
    ["in", "/in/", "a//b/", "a*/", "a?/", "${aws:username}/", "a b/", "é/", "", "in/\n"],
  ],
  ["Region", Region, ["eu-west-1", "us-gov-west-1", "ap-southeast-10"], ["eu", "EU-WEST-1", "eu-west-1.evil.com", "*", ""]],
  [
    "KmsKeyArn",
    KmsKeyArn,
    [
      "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
      "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    ],
    [
      "arn:aws:kms:eu-west-1:111122223333:alias/x",
      "arn:aws:kms:eu-west-1:111122223333:key/*",
      "1234abcd-12ab-34cd-56ef-1234567890ab",
      "arn:aws:kms:eu-west-1:1111:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ],
  ],
  [
    "RoleArn",
    RoleArn,
    ["arn:aws:iam::111122223333:role/Bridge", "arn:aws-us-gov:iam::111122223333:role/a/b/Bridge"],
    [
      "arn:aws:iam::111122223333:role/",
      "arn:aws:iam::111122223333:role/*",
      "arn:aws:iam::111122223333:user/x",
      "arn:aws:iam::1:role/x",
      "arn:aws:iam::111122223333:role/a b",
    ],
  ],
  [
    "ExactArn",
    ExactArn,
    ["arn:aws:s3:::b/k", "arn:aws:kinesis:eu-west-1:111122223333:stream/s"],
    ["arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/?", "arn:aws:s3:::b/a b", "b", "arn:evil:s3:::b"],
  ],
  [
    "OutsidePrincipal",
    OutsidePrincipal,
    [
      "arn:aws:iam::444455556666:root",
      "444455556666",
      "arn:aws:iam::444455556666:role/a/R",
      "arn:aws:sts::444455556666:assumed-role/R/s",
      "pipes.amazonaws.com",
    ],
    [
      "*",
      "AROAEXAMPLEID12345678",
      "arn:aws:iam::444455556666:role/*",
      "arn:aws:iam::444455556666:group/g",
      "evil.com",
      "arn:aws:sts::444455556666:assumed-role/R/*",
      "",
    ],
  ],
];

for (const [name, schema, good, bad] of schemas) {
  describe(name, () => {
    for (const text of good) test(`takes ${text.slice(0, 80)}`, () => assert.equal(schema.safeParse(text).success, true));
    for (const text of bad) test(`refuses ${JSON.stringify(text).slice(0, 80)}`, () => assert.equal(schema.safeParse(text).success, false));
  });
}

test("parse functions give undefined for what isn't one", () => {
  assert.equal(parseAccountId("111122223333"), "111122223333");
  assert.equal(parseAccountId("1"), undefined);
  assert.equal(parseBucketName("acme"), "acme");
  assert.equal(parseBucketName("A"), undefined);
  assert.equal(parseObjectPrefix("in/"), "in/");
  assert.equal(parseObjectPrefix("in"), undefined);
  assert.equal(parseRoleName("R"), "R");
  assert.equal(parseRoleName("R*"), undefined);
  assert.equal(parseSessionName("se"), "se");
  assert.equal(parseSessionName("s"), undefined);
});

describe("ARNs", () => {
  test("are read and written in every partition", () => {
    for (const partition of partitions) {
      const text = `arn:${partition}:iam::111122223333:role/a:b/c`;
      const arn = parseArn(text);

      assert.deepEqual(arn, { partition, service: "iam", region: "", account: "111122223333", resource: "role/a:b/c" });
      assert.equal(arn && formatArn(arn), text);
    }
  });

  test("that aren't whole are none", () => {
    for (const text of [
      "",
      "arn",
      "arn:aws:s3:::",
      "arn:aws:s3::b",
      "arn:mars:s3:::b",
      "arn:aws:s3:::\tb",
      " arn:aws:s3:::b",
      "arn:aws:iam::12:root",
    ]) {
      assert.equal(parseArn(text), undefined, text);
    }
  });

  test("of buckets lead to the bucket's name and back", () => {
    assert.equal(bucketOfArn("arn:aws:s3:::acme/in/*"), "acme");
    assert.equal(bucketOfArn(bucketArn("aws-cn", "acme")), "acme");
    assert.equal(bucketArn("aws", "acme", "in/*"), "arn:aws:s3:::acme/in/*");
    assert.equal(bucketOfArn("arn:aws:kms:eu-west-1:111122223333:key/x"), undefined);
  });
});

describe("principals", () => {
  test("of every kind are read", () => {
    const role = { kind: "role", accountId: "111122223333", partition: "aws", path: "/a/b/", name: "R" };

    assert.deepEqual(parsePrincipal("*"), { kind: "anyone" });
    assert.deepEqual(parsePrincipal("111122223333"), { kind: "account", accountId: "111122223333" });
    assert.deepEqual(parsePrincipal("arn:aws:iam::111122223333:root"), { kind: "account", accountId: "111122223333", partition: "aws" });
    assert.deepEqual(parsePrincipal("arn:aws:iam::111122223333:role/a/b/R"), role);
    assert.deepEqual(parsePrincipal("arn:aws:iam::111122223333:user/U"), { ...role, kind: "user", path: "/", name: "U" });
    assert.deepEqual(parsePrincipal("arn:aws:sts::111122223333:assumed-role/R/s"), {
      kind: "session",
      accountId: "111122223333",
      partition: "aws",
      roleName: "R",
      sessionName: "s",
    });
    assert.deepEqual(parsePrincipal("s3.amazonaws.com"), { kind: "service", service: "s3.amazonaws.com" });
    assert.deepEqual(parsePrincipal("AIDAEXAMPLEID12345678"), { kind: "unique-id", id: "AIDAEXAMPLEID12345678" });
  });

  test("of other kinds are not", () => {
    for (const text of [
      "",
      "root",
      "arn:aws:iam::111122223333:group/g",
      "arn:aws:sts::111122223333:federated-user/u",
      "arn:aws:iam::111122223333:saml-provider/p",
      "arn:aws:sts::111122223333:assumed-role/R",
      "arn:aws:iam::111122223333:role/a b",
    ]) {
      assert.equal(parsePrincipal(text), undefined, text);
    }
  });

  test("that AWS left behind are told from others", () => {
    assert.equal(isUniqueId("AROAEXAMPLEID12345678"), true);
    assert.equal(isUniqueId("arn:aws:iam::111122223333:role/AROAEXAMPLEID12345678"), false);
  });

  test("a session's ARN has no path", () => {
    assert.equal(sessionArn("arn:aws:iam::111122223333:role/a/b/R", "s"), "arn:aws:sts::111122223333:assumed-role/R/s");
  });
});

describe("external ids", () => {
  test("in AWS's alphabet are taken", () => {
    for (const id of ["acme-1", "d68b1db43ed52e7e0297dbaca2bad20f", "a:b/c=d@e,f.g+h_i", long(1224)]) assert.equal(parseExternalId(id), id);
  });

  test("that are placeholders, printed samples, easy to guess or out of the alphabet are refused without repeating them", () => {
    const bad = [
      "<EXTERNAL ID FROM C1>",
      "{id}",
      "YOUR_EXTERNAL_ID",
      "Your Session Name",
      "d68b1db43ed52e7e0297dbaca2bad20f40d4faaf92b5349891f08fddde530e23",
      "",
      "a",
      "aaaa",
      "test",
      "ExternalId",
      "123456",
      "a b c d",
      "ünïque-1",
      "abc*d",
      "ab\ncd",
      long(1225),
    ];
    for (const id of bad) {
      const refusal = refuseExternalId(id);

      assert.ok(refusal, `taken: ${id}`);
      assert.ok(id.length < 3 || !refusal.includes(id), refusal);
      assert.equal(ExternalId.safeParse(id).success, false);
    }
  });

  test("that a vendor's guide prints are refused for that vendor", () => {
    assert.equal(refuseExternalId("guide-sample-42"), undefined);
    assert.ok(refuseExternalId("guide-sample-42", ["guide-sample-42"]));
  });

  test("made here are fresh, long and taken", () => {
    const made = new Set(Array.from({ length: 100 }, generateExternalId));

    assert.equal(made.size, 100);
    for (const id of made) assert.ok(refuseExternalId(id) === undefined && id.length >= 35);
  });

  test("are shown as fingerprints that differ", () => {
    assert.match(externalIdFingerprint("acme-1"), /^sha256:[0-9a-f]{12}$/);
    assert.notEqual(externalIdFingerprint("acme-1"), externalIdFingerprint("acme-2"));
  });
});

describe("Sids", () => {
  test("have only letters and digits and tell owners apart", () => {
    assert.match(ourSid("acme", "c1", "read-objects v2"), /^Drawbridge[0-9a-f]{10}ReadObjectsV2$/);
    assert.notEqual(sidPrefix("acme", "c1"), sidPrefix("acme", "c2"));
    assert.notEqual(sidPrefix("a", "b-c"), sidPrefix("a-b", "c"));
  });

  test("of ours are known by their beginning", () => {
    assert.equal(isOurSid(ourSid("acme", "c1", "x")), true);
    assert.equal(isOurSid("Stmt1641802481873"), false);
    assert.equal(isOurSid(undefined), false);
  });
});
