/** Who may approve an operation without a known author: one that a timer or a repair started, or one from an earlier release. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { makeKey } from "../../src/access/identity/api-keys.ts";
import { approve } from "../../src/integrations/approval/approve.ts";
import { reservedSubjects, scopes } from "../../src/model/caller.ts";
import { ProblemError } from "../../src/problem.ts";
import { up as legacyAuthors } from "../../src/store/database/migrations/0130-legacy-authors.ts";
import { changeIntegration, findIntegration } from "../../src/store/integrations.ts";
import { createOperation, findOperation, openOperations } from "../../src/store/operations.ts";
import { parkOperation, startOperation } from "../../src/store/transitions.ts";
import { type Running, start } from "../http/support.ts";

let service: Running;
const planHash = "a".repeat(64);
const path = "/v1/tenants/acme/integrations/c1";

/** The code with which an approval of such an operation is refused; undefined if the author isn't the reason. */
const refusal = async (requestedBy: string, request: Record<string, unknown>, subject: string) => {
  const { db } = service.store;
  const created = await createOperation(db, { kind: "up", tenant: "acme", integration: "c1", request, requestedBy, deadlineSeconds: 60 });
  const held = { ...created, state: "awaiting-approval" as const, planHash };
  return approve(service.context, held, { planHash, subject }).then(
    () => undefined,
    (error: unknown) => (error instanceof ProblemError && error.problem.code === "approver_is_requester" ? error.problem.code : undefined),
  );
};

before(async () => {
  service = await start();
  const access = { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/DrawbridgeProvisioning" };
  await service.call("PUT", "/v1/tenants/acme", { body: { accountId: "111122223333", region: "us-east-1", access } });
  const parameters = { bucket: "acme-exports", externalId: "c1-first-7d1f6a93b2e8" };
  assert.equal((await service.call("PUT", path, { body: { blueprint: "conductorone-s3", parameters } })).status, 202);
});
after(() => service?.close());

test("anybody with the scope may approve an operation that a timer started and nobody wrote", async () => {
  assert.equal(await refusal("drawbridge", { authors: [] }, "second-person"), undefined);
  assert.equal(await refusal("drift-remediation", { authors: [] }, "second-person"), undefined);
});

test("nobody may approve an operation that contains a change of their own", async () => {
  const authors = [{ subject: "mallory", operation: "an-operation" }];
  assert.equal(await refusal("drawbridge", { authors }, "mallory"), "approver_is_requester");
  assert.equal(await refusal("colleague", { authors }, "mallory"), "approver_is_requester");
  assert.equal(await refusal("source-poll", { writers: ["alice"] }, "alice"), "approver_is_requester");
  assert.equal(await refusal("colleague", { authors }, "second-person"), undefined);
});

test("nobody may approve an operation that an earlier release held: anybody may have written a part of it", async () => {
  assert.equal(await refusal("colleague", {}, "second-person"), "approver_is_requester");
});

test("each held plan keeps its own approver, even if somebody else approves another plan meanwhile", async () => {
  const { db } = service.store;
  const held = async (hash: string) => {
    const asked = {
      kind: "up",
      tenant: "acme",
      integration: "c1",
      request: { authors: [] },
      requestedBy: "alice",
      deadlineSeconds: 60,
    } as const;
    const { id } = await createOperation(db, asked);
    const { epoch } = await startOperation(db, id, { epoch: 1_000_000 });
    return parkOperation(db, id, epoch, { planHash: hash });
  };
  const [first, second] = [await held("a".repeat(64)), await held("b".repeat(64))];
  await approve(service.context, first, { planHash: "a".repeat(64), subject: "bob" });
  await approve(service.context, second, { planHash: "b".repeat(64), subject: "carol" });
  const approvers = [first, second].map(async ({ id }) => (await findOperation(db, id))?.request["approvedBy"]);
  assert.deepEqual(await Promise.all(approvers), ["bob", "carol"]);
});

test("nobody may approve what an unknown author wrote in an earlier release, until somebody requests it again", async () => {
  const { db } = service.store;
  assert.equal(await refusal("drawbridge", {}, "second-person"), "approver_is_requester");
  await changeIntegration(db, "acme", "c1", ({ authors: _authors, approved: _approved, ...record }) => ({
    ...record,
    approvedParameters: { bucket: "another-bucket" },
  }));
  await legacyAuthors(db as never);
  const rotated = await service.call("POST", `${path}/external-id`, { body: { externalId: "c1-second-0c5b7f31aa92" } });
  assert.equal(rotated.status, 202);
  const carried = (await openOperations(db, "acme", "c1", ["rotate"])).at(-1)?.request ?? {};
  assert.equal(await refusal("colleague", carried, "second-person"), "approver_is_requester");
  const body = { blueprint: "conductorone-s3", parameters: { bucket: "acme-exports" } };
  const again = await service.call("PUT", path, { body });
  assert.equal(again.status, 202, "the same, asked for by somebody who is known");
  const { operation } = again.json as unknown as { operation: { id: string } };
  const made = (await openOperations(db, "acme", "c1", ["up"])).find(({ id }) => id === operation.id)?.request ?? {};
  assert.equal(await refusal("colleague", made, "second-person"), undefined);
  assert.ok(!(await findIntegration(db, "acme", "c1"))?.authors?.some(({ subject }) => subject === "legacy"));
});

test("no key takes a name that the service reserves for itself", async () => {
  const maker = { subject: "admin", tenants: "*" as const, scopes, credential: { kind: "admin" as const } };
  for (const subject of reservedSubjects)
    await assert.rejects(makeKey(service.store.db, maker, { subject, tenants: "*", scopes: ["read"] }), /invalid_request/);
});
