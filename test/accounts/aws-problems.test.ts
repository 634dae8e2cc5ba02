import assert from "node:assert/strict";
import { test } from "node:test";
import { awsProblem } from "../../src/accounts/aws-problems.ts";
import { ProblemError } from "../../src/problem.ts";

const thrown = (error: object) => Object.assign(new Error("secret text"), error);

const rows: [string, object, string][] = [
  ["a connection that was reset", { code: "ECONNRESET" }, "aws_throttled"],
  ["a name that wasn't resolved", { code: "EAI_AGAIN" }, "aws_throttled"],
  ["a timeout of the SDK", { name: "TimeoutError" }, "aws_throttled"],
  ["a 503", { name: "ServiceUnavailable", $metadata: { httpStatusCode: 503 } }, "aws_throttled"],
  ["a throttle", { name: "Throttling", $metadata: { httpStatusCode: 400 } }, "aws_throttled"],
  ["a refusal", { name: "AccessDenied", $metadata: { httpStatusCode: 403 } }, "aws_denied"],
  ["a conflict", { name: "DeleteConflictException", $metadata: { httpStatusCode: 409 } }, "aws_rejected"],
];

for (const [what, error, code] of rows) {
  test(`${what} is ${code}, without AWS's text`, () => {
    assert.throws(
      () => awsProblem("deleting role r")(thrown(error)),
      (problem) => problem instanceof ProblemError && problem.problem.code === code && !JSON.stringify(problem.problem).includes("secret"),
    );
  });
}
