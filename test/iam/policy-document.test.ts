import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  canonicalDocument,
  canonicalJson,
  documentDigest,
  documentSize,
  type PolicyDocument,
  parseDocument,
  readDocument,
  sameDocument,
} from "../../src/iam/words/policy-document.ts";
import { closedTrust, isClosedTrust, vendorTrust } from "../../src/iam/words/trust.ts";
import { ProblemError } from "../../src/problem.ts";

const document = (statement: object, more: object = {}): PolicyDocument => ({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", ...statement }],
  ...more,
});

describe("documents are read", () => {
  test("as plain and as URL-encoded text", () => {
    const text = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}';

    assert.deepEqual(readDocument(text), JSON.parse(text));
    assert.deepEqual(readDocument(encodeURIComponent(text)), JSON.parse(text));
  });

  test("with one statement, without a version, with unknown elements", () => {
    const parsed = readDocument('{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Region":"x"}}');

    assert.deepEqual(parsed, { Version: "2008-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*", Region: "x" }] });
  });

  test("or fail with a name", () => {
    const failure = (text: string) => {
      const parsed = parseDocument(text);
      return parsed.ok ? "none" : parsed.failure;
    };

    for (const text of ["", "x", "{", "%7B%"]) assert.equal(failure(text), "not-json", text);
    for (const text of [
      "[]",
      "{}",
      '{"Statement":7}',
      '{"Statement":[{"Effect":"Allow","Action":7}]}',
      '{"Statement":[{"Effect":"Perhaps"}]}',
      '{"Statement":[{"Effect":"Allow","Principal":"x"}]}',
    ]) {
      assert.equal(failure(text), "not-a-policy", text);
    }
  });

  test("or stop the operation, since nothing may be judged on what isn't understood", () => {
    assert.throws(
      () => readDocument("not json"),
      (error) => error instanceof ProblemError && error.problem.code === "aws_rejected",
    );
  });
});

describe("documents are the same", () => {
  const base = document({
    Sid: "A",
    Principal: { AWS: "arn:aws:iam::111122223333:root" },
    Action: ["s3:GetObject", "s3:PutObject"],
    Resource: ["b", "a"],
    Condition: { StringEquals: { "aws:SourceAccount": ["1", "2"] } },
  });
  const cases: [string, PolicyDocument][] = [
    [
      "with lists in another order",
      document({
        Sid: "A",
        Principal: { AWS: "arn:aws:iam::111122223333:root" },
        Action: ["s3:PutObject", "s3:GetObject"],
        Resource: ["a", "b"],
        Condition: { StringEquals: { "aws:SourceAccount": ["2", "1"] } },
      }),
    ],
    [
      "with a bare account id",
      document({
        Sid: "A",
        Principal: { AWS: ["111122223333"] },
        Action: ["s3:GetObject", "s3:PutObject"],
        Resource: ["b", "a"],
        Condition: { StringEquals: { "aws:SourceAccount": ["1", "2"] } },
      }),
    ],
    [
      "with actions and condition keys in another case",
      document({
        Sid: "A",
        Principal: { AWS: "arn:aws:iam::111122223333:root" },
        Action: ["S3:getobject", "s3:PUTOBJECT"],
        Resource: ["b", "a"],
        Condition: { StringEquals: { "AWS:sourceaccount": ["1", "2"] } },
      }),
    ],
  ];
  for (const [name, other] of cases) {
    test(name, () => {
      assert.equal(sameDocument(base, other), true);
      assert.equal(documentDigest(base), documentDigest(other));
    });
  }

  test("with one value or a list of one, with scalars or texts, with an empty condition or none", () => {
    assert.equal(
      sameDocument(
        document({ Action: "s3:*", Condition: { Bool: { "aws:SecureTransport": true } } }),
        document({ Action: ["s3:*"], Condition: { Bool: { "aws:SecureTransport": ["true"] } } }),
      ),
      true,
    );
    assert.equal(sameDocument(document({ Action: "s3:*", Condition: {} }), document({ Action: "s3:*" })), true);
    assert.equal(sameDocument(document({ Principal: "*" }), document({ Principal: { AWS: "*" } })), true);
  });

  test("with statements in another order", () => {
    const [a, b] = [document({ Sid: "A" }).Statement, document({ Sid: "B" }).Statement];

    assert.equal(
      sameDocument({ Version: "2012-10-17", Statement: [...a, ...b] }, { Version: "2012-10-17", Statement: [...b, ...a] }),
      true,
    );
  });

  test("only when nothing else differs", () => {
    const changed: PolicyDocument[] = [
      document({ ...base.Statement[0], Sid: "B" }),
      document({ ...base.Statement[0], Effect: "Deny" }),
      document({ ...base.Statement[0], Resource: ["A", "b"] }),
      document({ ...base.Statement[0], Condition: { StringLike: { "aws:SourceAccount": ["1", "2"] } } }),
      { ...base, Version: "2008-10-17" },
      { ...base, Id: "x" },
      { ...base, Statement: [...base.Statement, ...base.Statement] },
    ];

    for (const other of changed) assert.equal(sameDocument(base, other), false, canonicalDocument(other));
    assert.equal(sameDocument(undefined, undefined), true);
    assert.equal(sameDocument(base, undefined), false);
  });
});

test("a document's size is that of its minified text, in UTF-8", () => {
  assert.equal(documentSize(document({ Sid: "A" })), '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Sid":"A"}]}'.length);
  assert.equal(documentSize(document({ Resource: "é" })), documentSize(document({ Resource: "ab" })));
});

test("canonical JSON sorts keys at every depth and drops what is undefined", () => {
  assert.equal(canonicalJson({ b: [{ d: 1, c: undefined, a: null }], a: "x" }), '{"a":"x","b":[{"a":null,"d":1}]}');
});

describe("trusts", () => {
  test("closed: exactly one Deny for everybody", () => {
    assert.deepEqual(closedTrust(), {
      Version: "2012-10-17",
      Statement: [{ Sid: "DrawbridgeClosed", Effect: "Deny", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
    });
    assert.equal(isClosedTrust(closedTrust()), true);
  });

  test("for one party with one id", () => {
    const trust = vendorTrust([{ principal: "arn:aws:iam::444455556666:role/R", externalIds: ["id-of-acme"] }]);

    assert.deepEqual(trust.Statement, [
      {
        Sid: "DrawbridgeTrust",
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::444455556666:role/R" },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "sts:ExternalId": "id-of-acme" } },
      },
    ]);
    assert.equal(isClosedTrust(trust), false);
  });

  test("for several parties, two ids and a service", () => {
    const trust = vendorTrust([
      { principal: "444455556666", externalIds: ["old-id-1", "new-id-2"] },
      {
        principal: "pipes.amazonaws.com",
        externalIds: [],
        sourceAccount: "111122223333",
        sourceArn: "arn:aws:pipes:eu-west-1:111122223333:pipe/p",
      },
    ]);

    assert.deepEqual(
      trust.Statement.map(({ Sid, Principal, Condition }) => ({ Sid, Principal, Condition })),
      [
        {
          Sid: "DrawbridgeTrust1",
          Principal: { AWS: "444455556666" },
          Condition: { StringEquals: { "sts:ExternalId": ["old-id-1", "new-id-2"] } },
        },
        {
          Sid: "DrawbridgeTrust2",
          Principal: { Service: "pipes.amazonaws.com" },
          Condition: {
            StringEquals: { "aws:SourceAccount": "111122223333", "aws:SourceArn": "arn:aws:pipes:eu-west-1:111122223333:pipe/p" },
          },
        },
      ],
    );
  });

  test("for nobody is closed", () => assert.deepEqual(vendorTrust([]), closedTrust()));
});
