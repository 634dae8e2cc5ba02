import assert from "node:assert/strict";
import { test } from "node:test";
import { operataCloudCollector } from "../../src/blueprints/operata-cloud-collector.ts";
import { evaluate } from "../../src/iam/evaluate/evaluate.ts";
import { contractSuite } from "./contract-suite.ts";
import { readCases } from "./fixture.ts";

contractSuite(operataCloudCollector);

const [least, full] = readCases("operata");

test("two groups in one account share no role", () => {
  assert.ok(least);
  const names = (groupId: string) =>
    operataCloudCollector
      .stacks({ ...least.parameters, groupId }, least.context)
      .map((spec) => (spec.kind === "role" ? spec.inputs.name : ""));
  assert.deepEqual(
    names("group-a").filter((name) => names("group-b").includes(name)),
    [],
  );
});

test("whoever deploys by hand gets real API destination ARNs, deletions, and no way to make or change a role", () => {
  assert.ok(full);
  const [handOff] = operataCloudCollector.handOffDocuments?.(full.parameters, full.context) ?? [];
  assert.ok(handOff);
  const identity = [{ name: "deployment", document: handOff.document }];
  const decide = (action: string, resource: string, context: Record<string, string> = {}) =>
    evaluate({ principal: "arn:aws:iam::222222222222:user/admin", action, resource, context }, { identity }).decision;
  const destination =
    "arn:aws:events:ap-southeast-2:222222222222:api-destination/operataEndpointGroup-grp-0a1b2c/11111111-2222-3333-4444-555555555555";
  const role = "arn:aws:iam::222222222222:role/CloudCollectorV3Stack-grp-0a1b2c";
  for (const action of ["events:CreateApiDestination", "events:DeleteApiDestination"]) assert.equal(decide(action, destination), "allowed");
  assert.equal(decide("iam:PassRole", role, { "iam:PassedToService": "lambda.amazonaws.com" }), "allowed");
  assert.notEqual(decide("iam:PassRole", role, { "iam:PassedToService": "ec2.amazonaws.com" }), "allowed");
  for (const action of ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy"])
    assert.notEqual(decide(action, role), "allowed");
});
