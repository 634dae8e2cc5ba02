import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { equivalent, normalise } from "../../sandbox/stand-in/policy.ts";

const statement = {
  Effect: "Allow",
  Principal: { AWS: "arn:aws:iam::111122223333:root" },
  Action: ["s3:GetObject", "s3:ListBucket"],
  Resource: "*",
};
const policy = (...statements: object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const changed = (over: object) => policy({ ...statement, ...over });

describe("policies that mean the same to the plugin", () => {
  const same: [string, string][] = [
    ["order of actions", changed({ Action: ["s3:ListBucket", "s3:GetObject"] })],
    ["a list of one", changed({ Resource: ["*"] })],
    ["case of the effect", changed({ Effect: "allow" })],
    ["an account id for its root", changed({ Principal: { AWS: "111122223333" } })],
    ["one statement without a list", JSON.stringify({ Version: "2012-10-17", Statement: statement })],
    ["white space", JSON.stringify(JSON.parse(policy(statement)), null, 4)],
  ];
  for (const [what, other] of same) test(what, () => assert.equal(equivalent(policy(statement), other), true));

  test("booleans and numbers in conditions are their text, values have no order", () => {
    const a = changed({ Condition: { Bool: { "aws:SecureTransport": true }, StringEquals: { "aws:PrincipalTag/a": ["x", "y"] } } });
    const b = changed({ Condition: { StringEquals: { "aws:PrincipalTag/a": ["y", "x"] }, Bool: { "aws:SecureTransport": "true" } } });
    assert.equal(equivalent(a, b), true);
  });

  test("nothing and an empty object", () => assert.equal(equivalent("", "{}"), true));

  test("any order of statements", () => {
    const statements = ["a", "b", "c", "d"].map((Sid) => ({ ...statement, Sid }));
    fc.assert(
      fc.property(fc.shuffledSubarray(statements, { minLength: 4, maxLength: 4 }), (shuffled) => {
        assert.equal(equivalent(policy(...statements), policy(...shuffled)), true);
      }),
    );
  });
});

describe("policies that differ to the plugin", () => {
  const different: [string, string][] = [
    ["case of an action", changed({ Action: ["S3:GetObject", "s3:ListBucket"] })],
    ["a Sid", changed({ Sid: "x" })],
    ["an empty condition instead of none", changed({ Condition: {} })],
    ["another account", changed({ Principal: { AWS: "999922223333" } })],
    ["a deleted principal's unique id", changed({ Principal: { AWS: "AROAEXAMPLE" } })],
    ["another version", policy(statement).replace("2012-10-17", "2008-10-17")],
    ["one statement more", policy(statement, { ...statement, Sid: "x" })],
  ];
  for (const [what, other] of different) test(what, () => assert.equal(equivalent(policy(statement), other), false));

  test("everybody as a bare string and as an AWS principal", () => {
    assert.equal(equivalent(changed({ Principal: "*" }), changed({ Principal: { AWS: "*" } })), false);
  });
});

describe("the stored form", () => {
  test("keys are sorted; an inline policy of a role has its version in front", () => {
    const text = '{ "Statement": [{"Resource":"*","Effect":"Deny","Action":"*"}], "Version": "2012-10-17", "Id": "i" }';
    const tail = '"Statement":[{"Action":"*","Effect":"Deny","Resource":"*"}]';
    assert.equal(normalise(text), `{"Id":"i",${tail},"Version":"2012-10-17"}`);
    assert.equal(normalise(text, true), `{"Version":"2012-10-17","Id":"i",${tail}}`);
  });

  test("what isn't a JSON object is refused", () => {
    for (const text of ["", "[]", "1", "{"]) assert.throws(() => normalise(text));
  });
});
