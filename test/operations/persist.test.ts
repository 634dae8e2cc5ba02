import assert from "node:assert/strict";
import { test } from "node:test";
import { persist } from "../../src/operations/persist.ts";
import { ProblemError } from "../../src/problem.ts";

test("a write is retried until it succeeds; if every attempt fails, the last failure is thrown", async () => {
  let tries = 0;
  const failing = (times: number) => async () => {
    if (tries++ < times) throw new Error(`failure ${tries}`);
    return "written";
  };
  assert.equal(await persist(failing(2), [1, 1]), "written");
  tries = 0;
  await assert.rejects(persist(failing(3), [1, 1]), /failure 3/);
});

test("a refusal isn't retried", async () => {
  let tries = 0;
  const refused = async () => {
    tries += 1;
    throw new ProblemError("operation_interrupted", "Taken over.");
  };
  await assert.rejects(persist(refused, [1, 1]), /operation_interrupted/);
  assert.equal(tries, 1);
});
