import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type AccessDocuments, evaluate } from "../../src/iam/evaluate/evaluate.ts";
import { matchesWildcard, wildcardCovers } from "../../src/iam/evaluate/wildcard.ts";
import type { NamedDocument } from "../../src/iam/words/live.ts";
import { mergeStatements, unmergeStatements } from "../../src/iam/words/merge.ts";
import {
  canonicalJson,
  listOf,
  type PolicyDocument,
  parseDocument,
  type Statement,
  sameDocument,
} from "../../src/iam/words/policy-document.ts";
import { ourSid, sidPrefix } from "../../src/iam/words/sid.ts";
import { document, documents, request, statement } from "./arbitraries.ts";

const runs = { numRuns: 5_000 };
const allowed = (...asked: Parameters<typeof evaluate>): boolean => evaluate(...asked).decision === "allowed";

/** The same documents with one of them changed; `place` picks which. */
function changed(all: AccessDocuments, place: number, change: (named: NamedDocument) => NamedDocument): AccessDocuments {
  const slots = ["identity", "boundary", "session", "bucketPolicy"].filter((slot) => slot in all);
  const slot = slots[place % slots.length];
  if (slot === "boundary" && all.boundary) return { ...all, boundary: change(all.boundary) };
  if (slot === "session" && all.session) return { ...all, session: change(all.session) };
  if (slot === "bucketPolicy" && all.bucketPolicy) return { ...all, bucketPolicy: change(all.bucketPolicy) };
  return { ...all, identity: (all.identity ?? []).map((named, index) => (index === 0 ? change(named) : named)) };
}
const withStatements = (named: NamedDocument, change: (statements: Statement[]) => Statement[]): NamedDocument => ({
  ...named,
  document: { ...named.document, Statement: change(named.document.Statement) },
});
const isBucket = (named: NamedDocument): boolean => named.name.includes("bucket");

test("adding a Deny never allows more", () => {
  const property = fc.property(
    request,
    documents,
    fc.nat(3),
    statement("identity", "Deny"),
    statement("bucket", "Deny"),
    (asked, all, place, own, shared) => {
      const more = changed(all, place, (named) => withStatements(named, (statements) => [...statements, isBucket(named) ? shared : own]));

      assert.ok(!allowed(asked, more) || allowed(asked, all));
    },
  );
  fc.assert(property, runs);
});

test("removing an Allow never allows more", () => {
  const property = fc.property(request, documents, fc.nat(3), fc.nat(3), (asked, all, place, index) => {
    const less = changed(all, place, (named) =>
      withStatements(named, (statements) => statements.filter((one, at) => one.Effect === "Deny" || at !== index)),
    );

    assert.ok(!allowed(asked, less) || allowed(asked, all));
  });
  fc.assert(property, runs);
});

test("a Deny for everything on everything always denies", () => {
  const property = fc.property(request, documents, (asked, all) => {
    const denied = changed(all, 0, (named) =>
      withStatements(named, (statements) => [...statements, { Effect: "Deny", Action: "*", Resource: "*" }]),
    );

    assert.equal(evaluate(asked, denied).decision, "explicitly-denied");
  });
  fc.assert(property, { numRuns: 500 });
});

/** The same document written another way: lists turned round, single values as lists, statements and keys in another order. */
function rewritten(original: PolicyDocument): PolicyDocument {
  const turned = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.length === 1 ? value[0] : value.toReversed();
    return value;
  };
  const statements = original.Statement.map(
    (one) =>
      Object.fromEntries(
        Object.entries(one)
          .toReversed()
          .map(([key, value]) => [key, turned(value)]),
      ) as unknown as Statement,
  );
  return { ...original, Statement: statements.toReversed() };
}

test("documents that are the same decide the same", () => {
  const property = fc.property(request, documents, (asked, all) => {
    const other: AccessDocuments = {
      ...all,
      identity: (all.identity ?? []).map((named) => ({ ...named, document: rewritten(named.document) })),
    };

    for (const [index, named] of (all.identity ?? []).entries()) assert.ok(sameDocument(named.document, other.identity?.[index]?.document));
    assert.equal(evaluate(asked, other).decision, evaluate(asked, all).decision);
  });
  fc.assert(property, runs);
});

test("a document read from its own text is the same", () => {
  const property = fc.property(document("bucket"), fc.boolean(), (original, encoded) => {
    const text = JSON.stringify(original);
    const parsed = parseDocument(encoded ? encodeURIComponent(text) : text);

    assert.ok(parsed.ok);
    assert.equal(canonicalJson(parsed.document), canonicalJson(original));
  });
  fc.assert(property, { numRuns: 1_000 });
});

test("merging our statements into a foreign policy and taking them out again gives the original", () => {
  const owner = sidPrefix("acme", "c1");
  const foreign = fc.option(document("bucket", 1), { nil: undefined, freq: 20 });
  const ours = fc.array(statement("bucket", "Allow"), { minLength: 1, maxLength: 3 });
  const property = fc.property(foreign, ours, ours, (live, first, second) => {
    const named = (statements: Statement[]): Statement[] =>
      statements.map((one, index) => ({ ...one, Sid: ourSid("acme", "c1", `p${index}`) }));
    const other = ourSid("acme", "c2", "x");

    const once = mergeStatements(live, owner, named(first));
    const twice = mergeStatements(once, owner, named(second));
    const beside = mergeStatements(twice, sidPrefix("acme", "c2"), [{ ...first[0], Sid: other, Effect: "Allow" }]);

    assert.equal(canonicalJson(unmergeStatements(twice, owner)), canonicalJson(live));
    assert.equal(canonicalJson(unmergeStatements(unmergeStatements(beside, owner), sidPrefix("acme", "c2"))), canonicalJson(live));
    assert.deepEqual(
      twice.Statement.filter(({ Sid }) => !Sid?.startsWith(owner)),
      live?.Statement ?? [],
    );
    assert.equal(canonicalJson(mergeStatements(once, owner, named(first))), canonicalJson(once));
  });
  fc.assert(property, { numRuns: 10_000 });
});

test("a pattern that covers another takes in all that the other takes in", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 6 });
  const plain = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
  const property = fc.property(text, text, plain, (outer, inner, sample) => {
    assert.ok(
      !wildcardCovers(outer, inner) || !matchesWildcard(inner, sample) || matchesWildcard(outer, sample),
      `${outer} ${inner} ${sample}`,
    );
  });
  fc.assert(property, { numRuns: 50_000 });
});

test("a statement's actions in any case decide the same", () => {
  const property = fc.property(request, document("identity"), (asked, original) => {
    const upper: PolicyDocument = {
      ...original,
      Statement: original.Statement.map((one) =>
        one.Action === undefined ? one : { ...one, Action: listOf(one.Action).map((action) => action.toUpperCase()) },
      ),
    };
    const decide = (one: PolicyDocument) =>
      evaluate(asked, { identity: [{ name: "P", document: one }], resourceAccount: "111122223333" }).decision;

    assert.ok(sameDocument(original, upper));
    assert.equal(decide(upper), decide(original));
  });
  fc.assert(property, { numRuns: 1_000 });
});
