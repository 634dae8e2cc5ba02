import assert from "node:assert/strict";
import { test } from "node:test";
import { recordChanging } from "../../../src/integrations/stacks/recorded-stacks.ts";
import type { Work } from "../../../src/integrations/work.ts";
import type { IntegrationRecord } from "../../../src/model/integration.ts";
import { changeIntegration, findIntegration } from "../../../src/store/integrations.ts";
import { revokeVendor } from "../../../src/store/revocations.ts";
import { start } from "../../http/support.ts";

const asked = {
  kind: "role" as const,
  key: "c1",
  inputs: {
    name: "ConductorOneIntegration",
    description: "",
    trust: {
      Version: "2012-10-17" as const,
      Statement: [{ Sid: "Vendor", Effect: "Allow" as const, Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
    },
    inlinePolicies: [],
    managedPolicyArns: [],
    tags: {},
  },
};

test("if a vendor was revoked after an update read its request, the recorded stack trusts nobody", async () => {
  const service = await start();
  try {
    const tenant = { accountId: "111122223333", region: "us-east-1", access: { mode: "hand-off" } };
    assert.equal((await service.call("PUT", "/v1/tenants/acme", { body: tenant })).status, 201);
    const body = { blueprint: "conductorone-s3", parameters: { bucket: "acme-data", externalId: "c1-7d1f6a93b2e8" } };
    const made = await service.call("PUT", "/v1/tenants/acme/integrations/c1", { body });
    assert.equal(made.status, 202);
    const record = await findIntegration(service.store.db, "acme", "c1");
    assert.ok(record);
    await revokeVendor(service.store.db, record.vendor, "an-administrator");
    const id = String(made.json["operation"]?.["id"]);
    await service.store.db.updateTable("operations").set({ state: "running", epoch: 1 }).where("id", "=", id).execute();
    const work = {
      context: service.context,
      run: { operation: { id }, epoch: 1 },
      account: { tenant: { name: "acme" } },
      integration: "c1",
    } as unknown as Work;
    const changeThis = (now: IntegrationRecord): IntegrationRecord => ({ ...now, closedByTeardown: true });
    await changeIntegration(service.store.db, "acme", "c1", changeThis);
    await assert.rejects(recordChanging(work, asked, { opens: true }), { name: "ProblemError", message: /^plan_stale:/ });
    const { spec } = await recordChanging(work, asked);
    assert.ok(spec.kind === "role");
    assert.notDeepEqual(spec.inputs.trust, asked.inputs.trust);
    assert.ok(JSON.stringify(spec).includes("aws:TokenIssueTime"), "sessions that were open end as well");
  } finally {
    await service.close();
  }
});
