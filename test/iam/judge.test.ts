import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Proof } from "../../src/iam/contract/contract.ts";
import { judge } from "../../src/iam/contract/judge.ts";
import { contractRows } from "../../src/iam/contract/rows.ts";
import type { LiveDocuments, LiveRole } from "../../src/iam/words/live.ts";
import type { Statement } from "../../src/iam/words/policy-document.ts";
import { ourSid, sidPrefix } from "../../src/iam/words/sid.ts";
import { closedTrust } from "../../src/iam/words/trust.ts";
import {
  account,
  at,
  delegatingKey,
  deliveryUser,
  type Example,
  examples,
  externalId,
  folderSession,
  keyArn,
  partnerBucket,
  pipeService,
  policy,
  readerRole,
} from "./examples.ts";
import { deadRows } from "./mutations.ts";

const red = (proof: Proof): string[] => proof.rows.filter(({ verdict }) => verdict === "red").map(({ id }) => id);
const role = (live: LiveDocuments): LiveRole => {
  const [first] = live.roles;
  assert.ok(first);
  return first;
};
const closed = ({ contract, live }: Example): Example => ({
  contract: {
    ...contract,
    roles: contract.roles.map((one) => ({ ...one, trusted: [], probePrincipals: one.trusted.map(({ principal }) => principal) })),
  },
  live: { ...live, roles: live.roles.map((one) => ({ ...one, trust: closedTrust() })) },
});
/** The rows that a change of the documents turns red. */
function redAfter({ contract, live }: Example, change: (live: LiveDocuments) => void): string[] {
  change(live);
  return red(judge(contract, live, at));
}

for (const [name, make] of Object.entries(examples)) {
  describe(`the contract of the shape ${name}`, () => {
    test("is green on the documents that fulfil it", () => {
      const { contract, live } = make();

      const proof = judge(contract, live, at);

      assert.deepEqual(red(proof), []);
      assert.equal(proof.verdict, "green");
      assert.equal(proof.trust, "open");
    });

    test("has no negative row that its own mutation leaves green", () => {
      const { contract, live } = make();

      assert.deepEqual(deadRows(contract, live, at), []);
    });

    test("is green while the trust is closed, and every row then expects deny", () => {
      const { contract, live } = closed(make());

      const proof = judge(contract, live, at);

      assert.deepEqual(red(proof), []);
      assert.equal(proof.trust, "closed");
      assert.ok(proof.rows.every(({ expect }) => expect === "deny"));
      assert.deepEqual(deadRows(contract, live, at), []);
    });

    test("has rows with unique ids, positive and negative", () => {
      const ids = contractRows(make().contract).map(({ id }) => id);

      assert.equal(new Set(ids).size, ids.length);
    });

    test("shows no external id in the proof", () => {
      const { contract, live } = make();

      assert.ok(!JSON.stringify(judge(contract, live, at)).includes(externalId));
    });
  });
}

describe("the proof is red when the live documents hold more than the contract", () => {
  const extra = (statement: Partial<Statement>): Statement => ({
    Sid: "Extra",
    Effect: "Allow",
    Action: "s3:GetObject",
    Resource: "*",
    ...statement,
  });
  const trustEntry = (principal: string, condition?: Statement["Condition"]): Statement => ({
    Sid: "Extra",
    Effect: "Allow",
    Principal: { AWS: principal },
    Action: "sts:AssumeRole",
    ...(condition && { Condition: condition }),
  });
  const cases: [string, () => Example, (live: LiveDocuments) => void, string][] = [
    [
      "an account that no row names in the trust",
      readerRole,
      (live) => role(live).trust.Statement.push(trustEntry("123456789012", { StringEquals: { "sts:ExternalId": externalId } })),
      "closure/the trust of role Bridge/Extra",
    ],
    [
      "the party with another id",
      readerRole,
      (live) =>
        role(live).trust.Statement.push(
          trustEntry("arn:aws:iam::444455556666:role/Reader", { StringEquals: { "sts:ExternalId": "other-id-9" } }),
        ),
      "closure/the trust of role Bridge/Extra",
    ],
    [
      "the party under StringLike",
      readerRole,
      (live) =>
        role(live).trust.Statement.push(trustEntry("arn:aws:iam::444455556666:role/Reader", { StringLike: { "sts:ExternalId": "*" } })),
      "closure/the trust of role Bridge/Extra",
    ],
    [
      "web identities in the trust",
      readerRole,
      (live) =>
        role(live).trust.Statement.push({
          Sid: "Extra",
          Effect: "Allow",
          Principal: { Federated: "accounts.google.com" },
          Action: "sts:AssumeRoleWithWebIdentity",
        }),
      "closure/the trust of role Bridge/Extra",
    ],
    [
      "an inline policy",
      readerRole,
      (live) => role(live).inline.push({ name: "More", document: policy(extra({})) }),
      "closure/inline policy More of role Bridge/Extra",
    ],
    [
      "an attached policy",
      readerRole,
      (live) =>
        role(live).attached.push({ name: "arn:aws:iam::aws:policy/ReadOnlyAccess", document: policy(extra({ Action: "s3:Get*" })) }),
      "closure/attached policy arn:aws:iam::aws:policy/ReadOnlyAccess of role Bridge/Extra",
    ],
    [
      "an action of a service that nobody probes",
      readerRole,
      (live) => role(live).inline.push({ name: "More", document: policy(extra({ Action: "dynamodb:*" })) }),
      "closure/inline policy More of role Bridge/Extra",
    ],
    [
      "everything but a list",
      readerRole,
      (live) =>
        role(live).inline.push({ name: "More", document: policy({ Sid: "Extra", Effect: "Allow", NotAction: "iam:*", Resource: "*" }) }),
      "closure/inline policy More of role Bridge/Extra",
    ],
    [
      "a bucket policy statement that names the role",
      readerRole,
      (live) => {
        for (const bucket of live.buckets)
          bucket.policy = policy(
            extra({ Sid: "Foreign", Principal: { AWS: role(live).arn }, Action: "s3:*", Resource: "arn:aws:s3:::acme-files" }),
          );
      },
      "closure/the policy of bucket acme-files/Foreign",
    ],
    [
      "a bucket policy statement with our Sid for somebody else",
      readerRole,
      (live) => {
        for (const bucket of live.buckets)
          bucket.policy = policy(
            extra({ Sid: ourSid("t", "i", "read"), Principal: { AWS: "123456789012" }, Resource: "arn:aws:s3:::acme-files/*" }),
          );
      },
      `closure/the policy of bucket acme-files/${ourSid("t", "i", "read")}`,
    ],
    [
      "a grant on the key",
      deliveryUser,
      (live) => live.keys[0]?.grants.push({ id: "g1", granteePrincipal: role(live).arn, operations: ["CreateGrant"] }),
      `closure/grant g1 of key ${keyArn}`,
    ],
  ];
  for (const [name, make, change, id] of cases) {
    test(name, () => {
      const ids = redAfter(make(), change);

      assert.ok(ids.includes(id), `red are: ${ids.join(", ")}`);
    });
  }

  const closureCases: [string, () => Example, (live: LiveDocuments) => void, string][] = [
    [
      "an unknown operator on an action that is asked for",
      readerRole,
      (live) => {
        for (const statement of role(live).inline[0]?.document.Statement ?? []) statement.Condition = { Oddly: { "s3:prefix": "x" } };
      },
      "closure/inline policy Access of role Bridge/Read",
    ],
    [
      "an action without the condition that the contract puts on it",
      folderSession,
      (live) => {
        for (const statement of role(live).inline[0]?.document.Statement ?? []) delete statement.Condition;
      },
      "closure/inline policy Access of role Bridge/List",
    ],
    [
      "an action under a wider condition than the contract's",
      folderSession,
      (live) => {
        for (const statement of role(live).inline[0]?.document.Statement ?? []) {
          if (statement.Condition) statement.Condition = { StringLike: { "s3:prefix": ["in/*", "out/*"] } };
        }
      },
      "closure/inline policy Access of role Bridge/List",
    ],
    [
      "another STS action in the trust",
      readerRole,
      (live) => {
        for (const statement of role(live).trust.Statement) statement.Action = ["sts:AssumeRole", "sts:TagSession"];
      },
      "closure/the trust of role Bridge/DrawbridgeTrust",
    ],
    [
      "the right id under StringLike",
      readerRole,
      (live) => {
        for (const statement of role(live).trust.Statement) statement.Condition = { StringLike: { "sts:ExternalId": externalId } };
      },
      "closure/the trust of role Bridge/DrawbridgeTrust",
    ],
    [
      "a service without its source",
      pipeService,
      (live) => {
        for (const statement of role(live).trust.Statement) statement.Condition = { StringEquals: { "aws:SourceAccount": account } };
      },
      "closure/the trust of role Bridge/DrawbridgeTrust",
    ],
    [
      "a service without its source's account",
      pipeService,
      (live) => {
        for (const statement of role(live).trust.Statement) {
          statement.Condition = { StringEquals: { "aws:SourceArn": `arn:aws:pipes:eu-west-1:${account}:pipe/events` } };
        }
      },
      "closure/the trust of role Bridge/DrawbridgeTrust",
    ],
    ...["arn:aws:sts::111122223333:assumed-role/Bridge/anything", "AROAEXAMPLEID12345678"].map(
      (principal): [string, () => Example, (live: LiveDocuments) => void, string] => [
        `a bucket policy statement that names the role as ${principal}`,
        readerRole,
        (live) => {
          for (const bucket of live.buckets) {
            bucket.policy = policy(
              extra({ Sid: "Foreign", Principal: { AWS: principal }, Action: "s3:PutObject", Resource: "arn:aws:s3:::acme-files/*" }),
            );
          }
        },
        "closure/the policy of bucket acme-files/Foreign",
      ],
    ),
    [
      "a statement with our Sid for everybody but a list",
      readerRole,
      (live) => {
        for (const bucket of live.buckets) {
          bucket.policy = policy(
            extra({ Sid: "DrawbridgeX", NotPrincipal: { AWS: "123456789012" }, Resource: "arn:aws:s3:::acme-files/*" }),
          );
        }
      },
      "closure/the policy of bucket acme-files/DrawbridgeX",
    ],
  ];
  for (const [name, make, change, id] of closureCases) {
    test(`${name}, by closure`, () => {
      const ids = redAfter(make(), change);

      assert.ok(ids.includes(id), `red are: ${ids.join(", ")}`);
    });
  }

  test("an action that nobody asked for, of which nobody can say whether it's allowed", () => {
    const { contract, live } = readerRole();
    role(live).inline.push({
      name: "More",
      document: policy(extra({ Action: "s3:PutObject", Condition: { StringEquals: { "aws:SourceVpc": "vpc-1" } } })),
    });

    const row = judge(contract, live, at).rows.find(({ id }) => id.startsWith("Bridge/deny.not-asked.s3:PutObject."));

    assert.equal(row?.decision, "undetermined");
    assert.equal(row?.verdict, "red");
  });

  test("an unknown operator in the trust, with the statement named", () => {
    const { contract, live } = readerRole();
    for (const statement of role(live).trust.Statement)
      statement.Condition = { ...statement.Condition, StringMatches: { "sts:ExternalId": "x" } };

    const proof = judge(contract, live, at);

    assert.deepEqual(red(proof), ["Bridge/assume.1.right-id", "closure/the trust of role Bridge/DrawbridgeTrust"]);
    assert.equal(proof.rows[0]?.decision, "undetermined");
    assert.match(proof.rows[0]?.because.join() ?? "", /DrawbridgeTrust.*StringMatches/);
  });

  test("what is found beyond the contract is tried, as principal and as action", () => {
    const ids = redAfter(readerRole(), (live) => {
      role(live).trust.Statement.push(trustEntry("123456789012"));
      role(live).inline.push({
        name: "More",
        document: policy(extra({ Action: "s3:DeleteObject", Resource: "arn:aws:s3:::other-files/*" })),
      });
    });

    assert.ok(ids.includes("Bridge/deny.found.arn:aws:iam::123456789012:root"), ids.join());
    assert.ok(ids.includes("Bridge/deny.found.s3:DeleteObject.arn:aws:s3:::other-files/drawbridge-probe"), ids.join());
  });

  test("the condition on the external id removed", () => {
    const ids = redAfter(readerRole(), (live) => {
      for (const statement of role(live).trust.Statement) delete statement.Condition;
    });

    for (const name of ["no-id", "wrong-id", "longer-id", "other-case-id"]) assert.ok(ids.includes(`Bridge/assume.1.${name}`), name);
    assert.ok(!ids.includes("Bridge/assume.1.right-id"));
  });

  test("a trust that is open while it should be closed", () => {
    const open = readerRole();

    const ids = red(judge(closed(open).contract, open.live, at));

    assert.deepEqual(ids, ["closure/the trust of role Bridge/DrawbridgeTrust"]);
  });
});

describe("the proof is red when the live documents hold less than the contract", () => {
  test("an action missing from the role", () => {
    const ids = redAfter(readerRole(), (live) => role(live).inline[0]?.document.Statement.pop());

    assert.deepEqual(ids, ["Bridge/allow.Read.s3:GetObject", "Bridge/allow.Read.s3:GetObjectAttributes"]);
  });

  test("a foreign Deny on the bucket, which is named", () => {
    const { contract, live } = readerRole();
    for (const bucket of live.buckets) {
      bucket.policy = policy({
        Sid: "OnlyAdmins",
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: ["arn:aws:s3:::acme-files", "arn:aws:s3:::acme-files/*"],
        Condition: { ArnNotEquals: { "aws:PrincipalArn": `arn:aws:iam::${account}:role/Admin` } },
      });
    }

    const proof = judge(contract, live, at);

    assert.equal(red(proof).length, 4);
    assert.match(
      proof.rows.find(({ verdict }) => verdict === "red")?.because.join() ?? "",
      /OnlyAdmins of the policy of bucket acme-files/,
    );
  });

  test("a Deny of requests without TLS leaves it green", () => {
    const ids = redAfter(readerRole(), (live) => {
      for (const bucket of live.buckets)
        bucket.policy = policy({
          Sid: "Tls",
          Effect: "Deny",
          Principal: "*",
          Action: "s3:*",
          Resource: "*",
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        });
    });

    assert.deepEqual(ids, []);
  });

  test("a boundary that leaves the bucket out", () => {
    const ids = redAfter(readerRole(), (live) => {
      role(live).boundary = {
        name: "arn:aws:iam::111122223333:policy/B",
        document: policy({ Sid: "B", Effect: "Allow", Action: "s3:GetObject", Resource: "*" }),
      };
    });

    assert.ok(ids.includes("Bridge/allow.List.s3:ListBucket") && !ids.includes("Bridge/allow.Read.s3:GetObject"));
  });

  test("a key that doesn't hand the matter to IAM", () => {
    const ids = redAfter(deliveryUser(), (live) => live.keys[0]?.policy.Statement.splice(0));

    assert.deepEqual(ids, ["Bridge/allow.KMS.kms:Decrypt", "Bridge/allow.KMS.kms:Encrypt", "Bridge/allow.KMS.kms:GenerateDataKey"]);
  });

  test("a role that is gone", () => {
    const { contract, live } = readerRole();

    const ids = red(judge(contract, { ...live, roles: [] }, at));

    assert.deepEqual(
      ids.filter((id) => !id.includes("/allow.")),
      ["Bridge/assume.1.right-id"],
    );
  });
});

test("an action granted only where AWS never applies it gives a red row", () => {
  const { contract, live } = readerRole();
  for (const one of contract.roles)
    one.grants.push({ id: "Odd", actions: ["s3:ListBucketVersions"], resources: ["arn:aws:s3:::acme-files/*"], why: "" });
  role(live).inline[0]?.document.Statement.push({
    Sid: "Odd",
    Effect: "Allow",
    Action: "s3:ListBucketVersions",
    Resource: "arn:aws:s3:::acme-files/*",
  });

  assert.deepEqual(red(judge(contract, live, at)), ["Bridge/allow.Odd.s3:ListBucketVersions"]);
});

test("the guide's own form of a policy, all actions on bucket and objects, is covered: it gives the same", () => {
  const { contract, live } = readerRole();
  role(live).inline = [
    {
      name: "Access",
      document: policy({
        Effect: "Allow",
        Action: ["s3:GetObject", "s3:GetObjectAttributes", "s3:GetBucketLocation", "s3:ListBucket"],
        Resource: ["arn:aws:s3:::acme-files", "arn:aws:s3:::acme-files/*"],
      }),
    },
  ];

  assert.deepEqual(red(judge(contract, live, at)), []);
});

test("statements of another integration on a shared bucket are not this one's affair", () => {
  const { contract, live } = readerRole();
  for (const bucket of live.buckets)
    bucket.policy = policy({
      Sid: ourSid("t", "other", "read"),
      Effect: "Allow",
      Principal: { AWS: "123456789012" },
      Action: "s3:GetObject",
      Resource: "arn:aws:s3:::acme-files/*",
    });

  assert.deepEqual(red(judge({ ...contract, sidPrefix: sidPrefix("t", "mine") }, live, at)), []);
});

test("an owned key's policy is covered only by declared rows, its delegation to IAM among them", () => {
  const { contract, live } = deliveryUser();
  const delegation = { resource: keyArn, principal: `arn:aws:iam::${account}:root`, actions: ["kms:*"], resources: ["*"] };
  const owned = { ...contract, ownedKeys: [keyArn] };

  assert.deepEqual(red(judge(owned, live, at)), [`closure/the policy of key ${keyArn}/Iam`]);
  assert.deepEqual(red(judge({ ...owned, resources: [delegation] }, live, at)), []);
});

test("the proof lists what it can't see and what the vendor's own guide forces", () => {
  const { contract, live } = partnerBucket();

  const proof = judge(contract, live, at);

  assert.ok(proof.notCovered.some((text) => text.includes("Service control policies")));
  assert.ok(proof.notCovered.some((text) => text.includes("arn:aws:s3:::partner-bucket/*")));
  assert.ok(proof.acceptedBreadth.some((text) => text.includes("Any principal of account 444455556666")));
  assert.equal(proof.at, at);
});

test("the proof carries a digest for each document, which changes with it", () => {
  const { contract, live } = deliveryUser();
  const before = judge(contract, live, at).digests;
  live.keys = [{ ...delegatingKey(), policy: policy() }];

  const after = judge(contract, live, at).digests;

  assert.deepEqual(Object.keys(before), ["the trust of role Bridge", "inline policy Access of role Bridge", `the policy of key ${keyArn}`]);
  assert.notEqual(before[`the policy of key ${keyArn}`], after[`the policy of key ${keyArn}`]);
  assert.equal(before["the trust of role Bridge"], after["the trust of role Bridge"]);
});
