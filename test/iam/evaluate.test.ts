import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { type AccessDocuments, type AccessRequest, type Decision, evaluate } from "../../src/iam/evaluate.ts";

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

for (const file of files) {
  const scenarios = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Scenario[];
  describe(`access decisions: ${file.replace(".json", "")}`, () => {
    for (const { name, request, documents, expected, reason } of scenarios) {
      count += 1;
      test(name, () => {
        const decision = evaluate(request, documents);

        assert.equal(decision.decision, expected, `${reason}; the evaluator says: ${decision.because.join(" ")}`);
        assert.ok(decision.because.length > 0);
      });
    }
  });
}

test("there are at least 300 scenarios", () => assert.ok(count >= 300, `${count}`));
