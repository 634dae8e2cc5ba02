import assert from "node:assert/strict";
import { test } from "node:test";
import { roleProgram } from "../../programs/role.ts";
import type { RoleInputs } from "../../stacks/stack.ts";
import { record, waitsFor } from "./recorded.ts";

const place = { accountId: "222222222222", region: "eu-west-1", pathStyle: false };
const document = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::data/*" }],
} as const;
const text = '{"Statement":[{"Action":"s3:GetObject","Effect":"Allow","Resource":"arn:aws:s3:::data/*"}],"Version":"2012-10-17"}';
const inputs: RoleInputs = {
  name: "VendorFiles",
  description: "Lets the vendor read files",
  trust: { Version: "2012-10-17", Statement: [{ Effect: "Deny", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }] },
  inlinePolicies: [
    { name: "Read", document: { ...document, Statement: [...document.Statement] } },
    { name: "List", document: { ...document, Statement: [...document.Statement] } },
  ],
  managedPolicyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
  permissionsBoundaryArn: "arn:aws:iam::222222222222:policy/Boundary",
  tags: { "drawbridge:tenant": "acme" },
};

test("the role has exactly its inputs, one hour of session and canonical JSON", async () => {
  const { resources } = await record(() => roleProgram(inputs, place));
  const role = resources.get("role");
  assert.deepEqual(role?.inputs, {
    name: "VendorFiles",
    description: "Lets the vendor read files",
    assumeRolePolicy: '{"Statement":[{"Action":"sts:AssumeRole","Effect":"Deny","Principal":{"AWS":"*"}}],"Version":"2012-10-17"}',
    maxSessionDuration: 3600,
    forceDetachPolicies: true,
    permissionsBoundary: "arn:aws:iam::222222222222:policy/Boundary",
    tags: { "drawbridge:tenant": "acme" },
  });
  assert.equal(resources.get("inline-Read")?.inputs["policy"], text);
});

test("only the role is protected", async () => {
  const { resources } = await record(() => roleProgram(inputs, place));
  const guarded = [...resources.values()].filter(({ options }) => options.protect);
  assert.deepEqual(
    guarded.map(({ name }) => name),
    ["role"],
  );
});

test("the exclusive lists name every policy and wait for it", async () => {
  const { resources } = await record(() => roleProgram(inputs, place));
  const inline = resources.get("inline-exclusive");
  const attached = resources.get("attached-exclusive");
  assert.ok(inline && attached);
  assert.deepEqual(inline.inputs, { roleName: "VendorFiles", policyNames: ["Read", "List"] });
  assert.deepEqual(attached.inputs, { roleName: "VendorFiles", policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"] });
  assert.deepEqual(waitsFor(inline), ["inline-Read", "inline-List"]);
  assert.deepEqual(waitsFor(attached), ["attached-arn.aws.iam..aws.policy/ReadOnlyAccess"]);
});

test("a role without policies still lists none, so that an added one is seen", async () => {
  const { resources } = await record(() => roleProgram({ ...inputs, inlinePolicies: [], managedPolicyArns: [] }, place));
  assert.deepEqual([...resources.keys()].sort(), ["attached-exclusive", "inline-exclusive", "role", "tenant"]);
  assert.deepEqual(resources.get("inline-exclusive")?.inputs["policyNames"], []);
});

test("every resource uses the tenant's provider, which names a profile and pins the account", async () => {
  const { resources } = await record(() => roleProgram(inputs, place));
  const provider = resources.get("tenant");
  assert.equal(provider?.inputs["profile"], "target");
  assert.equal(provider?.inputs["region"], "eu-west-1");
  assert.equal(provider?.inputs["allowedAccountIds"], '["222222222222"]');
  assert.equal(provider?.inputs["s3UsePathStyle"], undefined);
  for (const name of ["accessKey", "secretKey", "token", "assumeRoles"]) assert.equal(provider?.inputs[name], undefined);
  for (const resource of resources.values()) if (resource !== provider) assert.match(resource.provider, /providers:aws::tenant::/);
});

test("the outputs are what other stacks and the hand-off need", async () => {
  const { outputs } = await record(() => roleProgram(inputs, place));
  assert.deepEqual(outputs, { roleArn: "arn:of:role", roleName: "VendorFiles", roleId: "AROAEXAMPLE" });
});
