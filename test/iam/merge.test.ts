import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mergeStatements, unmergeStatements } from "../../src/iam/words/merge.ts";
import type { PolicyDocument, Statement } from "../../src/iam/words/policy-document.ts";
import { ourSid, sidPrefix } from "../../src/iam/words/sid.ts";
import { ProblemError } from "../../src/problem.ts";

const owner = sidPrefix("acme", "c1");
const ours = (purpose: string, action = "s3:GetObject"): Statement => ({
  Sid: ourSid("acme", "c1", purpose),
  Effect: "Allow",
  Principal: { AWS: "111122223333" },
  Action: action,
  Resource: "*",
});
const foreign: PolicyDocument = {
  Version: "2008-10-17",
  Id: "Theirs",
  Statement: [
    { Sid: "A", Effect: "Deny", Principal: "*", Action: "s3:*", Resource: "*" },
    { Effect: "Allow", Principal: { AWS: "*" }, Action: "s3:GetObject", Resource: "*" },
  ],
};

describe("merging", () => {
  test("into nothing makes a document of ours alone, and taking it out leaves nothing", () => {
    const merged = mergeStatements(undefined, owner, [ours("read")]);

    assert.deepEqual(merged, { Version: "2012-10-17", Statement: [ours("read")] });
    assert.equal(unmergeStatements(merged, owner), undefined);
  });

  test("keeps foreign statements, Id and Version word for word", () => {
    const merged = mergeStatements(foreign, owner, [ours("read")]);

    assert.deepEqual(merged, { ...foreign, Statement: [...foreign.Statement, ours("read")] });
    assert.deepEqual(unmergeStatements(merged, owner), foreign);
  });

  test("replaces ours in its place and drops what isn't wanted any more", () => {
    const [first, second] = foreign.Statement;
    assert.ok(first && second);
    const live = { ...foreign, Statement: [ours("old"), first, ours("read"), second] };

    const merged = mergeStatements(live, owner, [ours("write"), ours("read", "s3:ListBucket")]);

    assert.deepEqual(merged.Statement, [first, ours("read", "s3:ListBucket"), second, ours("write")]);
  });

  test("leaves another integration's statements alone", () => {
    const neighbour = { ...ours("read"), Sid: ourSid("acme", "c2", "read") };
    const live = mergeStatements({ Version: "2012-10-17", Statement: [neighbour] }, owner, [ours("read")]);

    assert.deepEqual(unmergeStatements(live, owner), { Version: "2012-10-17", Statement: [neighbour] });
  });

  test("refuses a statement that couldn't be taken out again", () => {
    const stray = (...args: Parameters<typeof mergeStatements>) =>
      assert.throws(
        () => mergeStatements(...args),
        (error) => error instanceof ProblemError && error.problem.code === "guardrail",
      );

    stray(foreign, owner, [{ ...ours("read"), Sid: "Other" }]);
    stray(foreign, "", [ours("read")]);
  });
});

test("taking ours out of an absent document leaves it absent", () => assert.equal(unmergeStatements(undefined, owner), undefined));
