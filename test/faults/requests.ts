/** The requests that campaigns send. */
import assert from "node:assert/strict";
import { tenantThings } from "../../sandbox/accounts.ts";
import type { IntegrationView } from "../../src/http/views/schemas.ts";
import type { Operation } from "../../src/model/operation.ts";
import type { Rig } from "./rig.ts";

const route = (tenant: string, name: string) => `/v1/tenants/${tenant}/integrations/${name}`;

/** PUTs the integration with this body. An answer with 200 also names an operation if an earlier request did the same. */
export async function putIntegration(rig: Rig, tenant: string, name: string, body: unknown): Promise<Operation> {
  for (let attempt = 1; ; attempt++) {
    const there = await rig.call<IntegrationView>("GET", route(tenant, name));
    const etag = there.status === 200 ? there.headers.get("etag") : null;
    const headers = etag ? { "if-match": etag } : undefined;
    const answer = await rig.call<{ operation: Operation }>("PUT", route(tenant, name), body, headers);
    // The request was sent again after a lost answer: the first one counted, so its entity tag is stale.
    if ((answer.status === 412 || answer.status === 428 || answer.status === 503) && attempt < 10) continue;
    assert.ok(answer.status === 202 || answer.status === 200, `PUT ${tenant}/${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body.operation ?? latest(rig, tenant, name);
  }
}

/** DELETEs an integration. */
export async function startDestroy(rig: Rig, tenant: string, name: string): Promise<Operation> {
  const answer = await rig.call<{ operation: Operation }>("DELETE", route(tenant, name));
  // The request was sent again after a lost answer: the first one may already be complete.
  if (answer.status === 404) return latest(rig, tenant, name);
  assert.equal(answer.status, 202, `DELETE ${tenant}/${name}: ${JSON.stringify(answer.body)}`);
  return answer.body.operation;
}

async function latest(rig: Rig, tenant: string, integration: string): Promise<Operation> {
  const { body } = await rig.call<{ items: Operation[] }>("GET", `/v1/operations?tenant=${tenant}&integration=${integration}&limit=1`);
  const [operation] = body.items;
  assert.ok(operation, `${tenant}/${integration} has no operation`);
  return operation;
}

/** Whether the integration exists, by its own record. */
export async function isThere(rig: Rig, tenant: string, name: string): Promise<boolean> {
  const { status, body } = await rig.call<IntegrationView>("GET", route(tenant, name));
  return status === 200 && body.handshake.state !== "gone";
}

/** An integration of three stacks: a key, a role, and statements in a bucket's policy that also has foreign statements. */
export function threeStacks(rig: Rig, externalId: string) {
  const encryption = { type: "SSE-KMS", createKey: true };
  return {
    blueprint: "creative-force-s3",
    parameters: { mode: "delivery", bucket: sharedBucket(rig), encryption, bucketPolicy: "least", externalId },
  };
}

/** The bucket whose policy has foreign statements. */
export const sharedBucket = (rig: Rig) => tenantThings.sharedBucket(rig.sandbox.accounts[rig.account].accountId);

/** An integration of one stack, a role: the cheapest integration. */
export function oneRole(rig: Rig, name: string, externalId: string) {
  const bucket = tenantThings.plainBucket(rig.sandbox.accounts[rig.account].accountId);
  return { blueprint: "conductorone-s3", parameters: { bucket, roleName: `Fault-${name}`, externalId } };
}
