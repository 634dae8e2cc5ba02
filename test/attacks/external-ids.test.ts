/** A caller who may only read, write or plan gets no external id in clear text. Each answer that shows one is a row of the audit. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Statement } from "../../src/iam/words/policy-document.ts";
import { contextOf, requireBlueprint } from "../../src/integrations/desired-stacks.ts";
import { handOffOf } from "../../src/integrations/hand-off/bundle.ts";
import { cloudFormationTemplate } from "../../src/integrations/hand-off/cloudformation.ts";
import { maskedHandOff } from "../../src/integrations/hand-off/masked.ts";
import { findTenantIntegration } from "../../src/integrations/lookup.ts";
import { type Scope, scopes } from "../../src/model/caller.ts";
import { type Running, start } from "../http/support.ts";

const externalId = "c1-7d1f6a93b2e84c05a1f2";
const handOff = "/v1/tenants/acme/integrations/c1/hand-off";
const bootstrap = "/v1/tenants/acme/bootstrap";

const withoutCondition = ({ Condition: _none, ...statement }: Statement): Statement => statement;

describe("external ids", () => {
  let service: Running;
  let provisioningId = "";
  const keys = new Map<string, string>();

  const keyOf = async (subject: string, of: readonly Scope[]) => {
    const { json, status } = await service.call("POST", "/v1/keys", { body: { subject, tenants: ["acme"], scopes: of } });
    assert.equal(status, 201);
    keys.set(subject, String(json.key));
  };
  const token = (subject: string) => keys.get(subject) ?? "";
  const get = (path: string, subject: string) => service.call("GET", path, { token: token(subject) });

  before(async () => {
    service = await start();
    const access = { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/Provisioning" };
    const made = await service.call("PUT", "/v1/tenants/acme", { body: { accountId: "111122223333", region: "us-east-1", access } });
    provisioningId = (made.json["provisioning"] as unknown as { externalId: string }).externalId;
    assert.doesNotMatch(provisioningId, /^sha256:/, "the administrator's token reveals");
    const put = await service.call("PUT", "/v1/tenants/acme/integrations/c1", {
      body: { blueprint: "conductorone-s3", parameters: { bucket: "acme-files", externalId } },
    });
    assert.equal(put.status, 202, put.text);
    await keyOf(
      "blind",
      scopes.filter((scope) => scope !== "reveal" && scope !== "admin"),
    );
    await keyOf("revealer", ["read", "reveal"]);
    await keyOf("reveal-alone", ["reveal"]);
    await keyOf("planner", ["plan"]);
    await keyOf("writer", ["read", "write"]);
  });
  after(() => service?.close());

  const paths = [
    "/v1/tenants",
    "/v1/tenants/acme",
    bootstrap,
    `${bootstrap}?format=cloudformation`,
    handOff,
    `${handOff}?format=markdown`,
    `${handOff}?format=cloudformation`,
    "/v1/tenants/acme/integrations",
    "/v1/tenants/acme/integrations/c1",
    "/v1/operations",
    "/v1/audit",
  ];

  test("no answer contains one for a caller without the scope, whatever other scopes the caller has", async () => {
    for (const path of paths) {
      const { status, text } = await get(path, "blind");
      assert.equal(status, 200, `${path} ${text}`);
      assert.ok(!text.includes(externalId) && !text.includes(provisioningId), path);
    }
    const { text } = await get(handOff, "blind");
    assert.match(text, /sha256:/, "a fingerprint stands there");
    const again = await service.call("PUT", "/v1/tenants/acme", {
      token: token("blind"),
      body: {
        accountId: "111122223333",
        region: "us-east-1",
        access: { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/Provisioning" },
      },
    });
    assert.equal(again.status, 200, again.text);
    assert.ok(!again.text.includes(provisioningId));
  });

  test("a template without the id asks for it, so that no role trusts a fingerprint", async () => {
    for (const path of [`${handOff}?format=cloudformation`, `${bootstrap}?format=cloudformation`]) {
      const { text } = await get(path, "blind");
      const template = JSON.parse(text) as { Parameters: { ExternalId: Record<string, unknown> }; Resources: unknown };
      assert.equal(template.Parameters.ExternalId["Default"], undefined, path);
      assert.match(JSON.stringify(template.Resources), /"sts:ExternalId":\{"Ref":"ExternalId"\}/);
      assert.doesNotMatch(JSON.stringify(template.Resources), /sha256:/);
    }
  });

  test("no role trusts a fingerprint if two ids work, or if a statement requires no id", async () => {
    const { record, tenant } = await findTenantIntegration(service.context, "acme", "c1");
    const blueprint = requireBlueprint(record.blueprint, record.version);
    const ids = [externalId, "c1-the-second-5d0b"];
    const whole = handOffOf(blueprint, record.parameters, contextOf(tenant, { integration: "c1", externalIds: ids }));
    const [role] = whole.specs;
    assert.ok(role?.kind === "role");
    const open = {
      ...role,
      key: "c1.open",
      inputs: { ...role.inputs, trust: { ...role.inputs.trust, Statement: role.inputs.trust.Statement.map(withoutCondition) } },
    };
    for (const specs of [whole.specs, [...whole.specs, open]]) {
      const text = JSON.stringify(cloudFormationTemplate(maskedHandOff({ ...whole, specs }, ids)));
      for (const id of [...ids, "sha256:"]) assert.ok(!text.includes(id), id);
      assert.match(text, /"sts:ExternalId":\{"Ref":"ExternalId"\}/);
    }
  });

  test("an answer that revealed an id isn't repeated to the same caller without the scope", async () => {
    const body = {
      accountId: "111122223333",
      region: "us-east-1",
      access: { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/Provisioning" },
    };
    const again = (key: string) =>
      service.call("PUT", "/v1/tenants/acme", { token: token(key), body, headers: { "idempotency-key": "the-same" } });
    await keyOf("twice", ["write", "reveal"]);
    assert.ok((await again("twice")).text.includes(provisioningId));
    await keyOf("twice", ["write"]);
    const { status, text } = await again("twice");
    assert.equal(status, 200);
    assert.ok(!text.includes(provisioningId));
  });

  test("the scope reveals them, and the audit records each answer that does", async () => {
    const rows = async () => {
      const { json } = await service.call("GET", "/v1/audit?subject=revealer&limit=100");
      return (json.items as unknown as { action: string; phase: string }[])
        .filter(({ phase }) => phase === "outcome")
        .map(({ action }) => action);
    };
    assert.deepEqual(await rows(), []);
    for (const path of [handOff, `${handOff}?format=cloudformation`, `${handOff}?format=markdown`])
      assert.ok((await get(path, "revealer")).text.includes(externalId), path);
    for (const path of ["/v1/tenants/acme", bootstrap]) assert.ok((await get(path, "revealer")).text.includes(provisioningId), path);
    const handOffs = Array.from({ length: 3 }, () => "GET /v1/tenants/{tenant}/integrations/{name}/hand-off");
    assert.deepEqual((await rows()).sort(), ["GET /v1/tenants/{tenant}", "GET /v1/tenants/{tenant}/bootstrap", ...handOffs].sort());
    assert.ok(!(await get("/v1/tenants", "revealer")).text.includes(provisioningId), "a list reveals nothing");
  });

  test("a caller with only this scope reads nothing", async () => {
    for (const path of paths) assert.equal((await get(path, "reveal-alone")).status, 403, path);
  });

  const push = (dryRun: boolean) => ({
    source: { repository: "https://git.example/acme/access.git", revision: "1" },
    manifests: [],
    dryRun,
  });
  const body = { blueprint: "conductorone-s3", parameters: { bucket: "acme-files" } };
  const call = async (method: string, path: string, subject: string, given: object) =>
    (await service.call(method, path, { token: token(subject), body: given })).status;

  test("a caller with the scope plan runs previews and dry runs, and changes nothing", async () => {
    assert.equal(await call("POST", "/v1/tenants/acme/integrations/c1/preview", "planner", body), 202);
    assert.equal(await call("POST", "/v1/reconcile", "planner", push(true)), 202);
    assert.equal(await call("POST", "/v1/reconcile", "planner", push(false)), 403);
    assert.equal(await call("PUT", "/v1/tenants/acme/integrations/c1", "planner", body), 403);
    assert.equal((await get(handOff, "planner")).status, 403);
  });

  test("the scope write doesn't include plan", async () => {
    assert.equal(await call("POST", "/v1/tenants/acme/integrations/c1/preview", "writer", body), 403);
    assert.equal(await call("POST", "/v1/reconcile", "writer", push(true)), 403);
    assert.equal(await call("POST", "/v1/reconcile", "writer", push(false)), 202);
  });
});
