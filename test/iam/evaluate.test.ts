import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { conditionOperatorNames } from "../../src/iam/evaluate/condition-operators.ts";
import { type AccessDocuments, type AccessRequest, type Decision, evaluate } from "../../src/iam/evaluate/evaluate.ts";

interface Scenario {
  name: string;
  request: AccessRequest;
  documents: AccessDocuments;
  expected: Decision["decision"];
  reason: string;
  source?: string;
}

const folder = new URL("../fixtures/iam/scenarios/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
let count = 0;
const operators = new Set<string>();

function noteOperators(documents: AccessDocuments): void {
  const named = [
    ...(documents.identity ?? []),
    documents.boundary,
    documents.session,
    documents.trust,
    documents.bucketPolicy,
    documents.keyPolicy,
  ];
  for (const statement of named.flatMap((one) => one?.document.Statement ?? [])) {
    for (const operator of Object.keys(statement.Condition ?? {})) operators.add(operator);
  }
}

for (const file of files) {
  const scenarios = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Scenario[];
  describe(`access decisions: ${file.replace(".json", "")}`, () => {
    for (const { name, request, documents, expected, reason } of scenarios) {
      count += 1;
      noteOperators(documents);
      test(name, () => {
        const decision = evaluate(request, documents);

        assert.equal(decision.decision, expected, `${reason}; the evaluator says: ${decision.because.join(" ")}`);
        assert.ok(decision.because.length > 0);
      });
    }
  });
}

test("there are at least 300 scenarios", () => assert.ok(count >= 300, `${count}`));

test("every condition operator has a scenario", () => {
  assert.deepEqual(
    conditionOperatorNames.filter((name) => !operators.has(name)),
    [],
  );
});
