import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { blueprints } from "../../../src/blueprints/registry.ts";
import { judge } from "../../../src/iam/contract/judge.ts";
import type { LiveDocuments, LiveRole } from "../../../src/iam/words/live.ts";
import { handOffOf } from "../../../src/integrations/hand-off/bundle.ts";
import { cloudFormationTemplate, quickCreateLink, type Template } from "../../../src/integrations/hand-off/cloudformation.ts";
import { handOffJson } from "../../../src/integrations/hand-off/json.ts";
import { handOffMarkdown } from "../../../src/integrations/hand-off/markdown.ts";
import { maskedFields } from "../../../src/integrations/hand-off/masked.ts";
import type { TemplateResource } from "../../../src/integrations/hand-off/template-parts.ts";
import { readCases } from "../../blueprints/fixture.ts";
import { liveDocuments } from "../../blueprints/live.ts";
import { cfnLint, ensureCfnLint } from "./cfn-lint.ts";

const cases = blueprints.flatMap((blueprint) =>
  readCases(blueprint.vendor).map(({ name, context, parameters }) => {
    const read = blueprint.parameters.parse(parameters) as Record<string, unknown>;
    return { name: `${blueprint.id}, ${name}`, blueprint, context, parameters: read, handOff: handOffOf(blueprint, read, context) };
  }),
);
type Case = (typeof cases)[number];

/** The template with its intrinsic functions evaluated, as CloudFormation would do it with the defaults. */
function worked(template: Template, { context }: Case): Record<string, TemplateResource> {
  const arnOf = (id: string): unknown => {
    const resource = template.Resources[id];
    if (resource?.Type === "AWS::IAM::Role")
      return `arn:${context.partition}:iam::${context.accountId}:role/${String(resource.Properties["RoleName"])}`;
    return Object.values(context.outputs ?? {}).flatMap(({ keyArn }) => keyArn ?? [])[0];
  };
  const parameters = (template.Parameters ?? {}) as Record<string, Record<string, unknown>>;
  const work = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(work);
    if ("Ref" in value && value.Ref === "ExternalId") return parameters["ExternalId"]?.["Default"];
    if ("Fn::GetAtt" in value) return arnOf((value["Fn::GetAtt"] as string[])[0] ?? "");
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, work(inner)]));
  };
  return work(template.Resources) as Record<string, TemplateResource>;
}

/** The account after the template ran. Roles and keys are the template's; the suite supplies what a template can't make. */
function deployed(one: Case): LiveDocuments {
  const expected = liveDocuments(one.blueprint, one.parameters, one.context);
  const made = Object.values(worked(cloudFormationTemplate(one.handOff), one));
  const roles = made.filter(({ Type }) => Type === "AWS::IAM::Role");
  assert.equal(roles.length, expected.roles.length);
  return {
    ...expected,
    roles: roles.map(({ Properties: role }) => {
      const like = expected.roles.find(({ name }) => name === role["RoleName"]);
      assert.ok(like);
      const policies = (role["Policies"] ?? []) as { PolicyName: string; PolicyDocument: LiveRole["trust"] }[];
      assert.deepEqual(
        role["ManagedPolicyArns"] ?? [],
        like.attached.map(({ name }) => name),
      );
      return {
        ...like,
        trust: role["AssumeRolePolicyDocument"] as LiveRole["trust"],
        inline: policies.map(({ PolicyName, PolicyDocument }) => ({ name: PolicyName, document: PolicyDocument })),
      };
    }),
    keys: expected.keys.map((key) => {
      const own = made.find(({ Type }) => Type === "AWS::KMS::Key");
      return own && key.arn.includes("/mrk-") ? { ...key, policy: own.Properties["KeyPolicy"] as LiveRole["trust"] } : key;
    }),
  };
}

test("the template has the same effect as the stacks: the same contract judges it green", () => {
  for (const one of cases) {
    const proof = judge(one.blueprint.contract(one.parameters, one.context), deployed(one), "2026-11-22T03:00:00Z");
    assert.deepEqual(
      proof.rows.filter(({ verdict }) => verdict === "red").map(({ id }) => id),
      [],
      one.name,
    );
  }
});

test("roles and keys outlive the template's stack and are never replaced", () => {
  for (const { name, handOff } of cases) {
    for (const { Type, DeletionPolicy, UpdateReplacePolicy } of Object.values(cloudFormationTemplate(handOff).Resources)) {
      if (Type !== "AWS::KMS::Alias") assert.deepEqual([DeletionPolicy, UpdateReplacePolicy], ["Retain", "Retain"], name);
    }
  }
});

test("the template never contains a bucket's policy, because it would overwrite other people's statements", () => {
  const least = cases.find(({ parameters }) => parameters["bucketPolicy"] === "least");
  assert.ok(least);
  const template = cloudFormationTemplate(least.handOff);
  assert.ok(!Object.values(template.Resources).some(({ Type }) => Type.startsWith("AWS::S3::")));
  assert.match(JSON.stringify(template.Metadata), /s3:GetBucketLocation/);
});

test("while there is no external id, the trust in the template is closed too", () => {
  for (const { blueprint, parameters, context } of cases.filter((one) => one.blueprint.externalId.issuer !== "none")) {
    const template = cloudFormationTemplate(handOffOf(blueprint, parameters, { ...context, externalIds: [] }));
    assert.equal(template.Parameters, undefined);
    assert.match(JSON.stringify(template.Resources), /DrawbridgeClosed/);
  }
});

test("the fields have the vendor's own names and order", () => {
  for (const { blueprint, handOff } of cases) {
    const declared = blueprint.handOffFields.map(({ field }) => field);
    const shown = handOff.fields.map(({ field }) => field);
    assert.deepEqual(
      shown,
      declared.filter((field) => shown.includes(field)),
    );
  }
});

test("an external id is in clear in the tenant's hand-off, and a fingerprint elsewhere", () => {
  const one = cases.find(({ blueprint }) => blueprint.id === "creative-force-s3");
  const [id] = one?.context.externalIds ?? [];
  assert.ok(one && id);
  assert.match(handOffMarkdown(one.handOff), new RegExp(id));
  assert.ok(JSON.stringify(handOffJson(one.handOff)).includes(id));
  assert.ok(!JSON.stringify(maskedFields(one.handOff.fields)).includes(id));
});

test("a value can't break out of the Markdown", () => {
  const [one] = cases;
  assert.ok(one);
  const text = handOffMarkdown({ ...one.handOff, fields: [{ field: "F|G", value: "a|b`c\nd", where: "here" }] });
  assert.match(text, /\| F\\\|G \| `` a\\\|b`c d `` \| here \|/);
});

test("the quick-create link names the region and the template, and no external id", () => {
  const [one] = cases;
  assert.ok(one);
  const link = quickCreateLink(one.handOff, "https://templates.s3.amazonaws.com/a b.json");
  assert.match(
    link,
    /^https:\/\/console\.aws\.amazon\.com\/cloudformation\/home\?region=[a-z0-9-]+#\/stacks\/quickcreate\?templateURL=https%3A/,
  );
  assert.ok(one.context.externalIds.every((id) => !link.includes(id)));
});

test("cfn-lint finds nothing in any template", async (t) => {
  const lint = await ensureCfnLint();
  if ("missing" in lint) return t.skip(lint.missing);
  const folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-templates-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const files = cases.map((_, index) => path.join(folder, `${index}.json`));
  await Promise.all(cases.map(({ handOff }, index) => writeFile(files[index] ?? "", JSON.stringify(cloudFormationTemplate(handOff)))));
  assert.equal(await cfnLint(lint.packages, files), "");
  const wrong = path.join(folder, "wrong.json");
  await writeFile(wrong, JSON.stringify({ Resources: { Role: { Type: "AWS::IAM::Role", Properties: { RoleNam: "x" } } } }));
  assert.match(await cfnLint(lint.packages, [wrong]), /RoleNam/);
});
