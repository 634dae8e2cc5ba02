/** One crash point: somebody is killed at one call to AWS or the state bucket, and then everything must come true by itself. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { tenantThings } from "../../sandbox/accounts.ts";
import type { IntegrationView } from "../../src/http/schemas.ts";
import type { Operation } from "../../src/operations/operation.ts";
import { checkEmpty, checkTrue } from "./invariants.ts";
import { readStatements } from "./inventory.ts";
import type { Call } from "./proxy.ts";
import type { Rig } from "./rig.ts";
import type { Victim } from "./victims.ts";

export type Kind = "create" | "update" | "destroy";

export interface Point {
  kind: Kind;
  /** The number of the call, from the request on */
  at: number;
  when: "before" | "after";
  victim: Victim;
}

export interface Outcome {
  point: Point;
  /** The call that it hit; undefined when the operation made fewer */
  call?: Call;
  killed: number;
  /** How the operation ended, and after how many seconds */
  state: string;
  code?: string;
  attempts: number;
  seconds: number;
  /** What was wrong afterwards; empty is well */
  wrong: string[];
}

/** An operation must have ended by itself within this. */
const LIMIT = 120;

/** An integration of three stacks: a key, a role, and statements in a bucket's policy that holds somebody else's too. */
export function threeStacks(rig: Rig, externalId: string) {
  const bucket = tenantThings.sharedBucket(rig.sandbox.accounts.tenant.accountId);
  return {
    blueprint: "creative-force-s3",
    parameters: { mode: "delivery", bucket, encryption: { type: "SSE-KMS", createKey: true }, bucketPolicy: "least", externalId },
  };
}

const route = (name: string) => `/v1/tenants/acme/integrations/${name}`;

async function put(rig: Rig, name: string, body: unknown): Promise<Operation> {
  const there = await rig.call<IntegrationView>("GET", route(name));
  const etag = there.status === 200 ? there.headers.get("etag") : null;
  const answer = await rig.api().call<{ operation: Operation }>("PUT", route(name), { body, headers: etag ? { "if-match": etag } : {} });
  assert.ok(answer.status === 202 || answer.status === 200, JSON.stringify(answer.body));
  return answer.body.operation;
}

async function mustSucceed(rig: Rig, operation: Operation): Promise<void> {
  const ended = await rig.finished(operation.id, LIMIT);
  assert.equal(ended.state, "succeeded", JSON.stringify(ended.error));
}

/** Makes the integration that updates share. */
export async function makeIntegration(rig: Rig, name: string): Promise<void> {
  rig.proxy.reset();
  await mustSucceed(rig, await start(rig, "create", name));
}

/** How many calls an operation of this kind makes when nothing happens. */
export async function countCalls(rig: Rig, kind: Kind, name: string): Promise<number> {
  await prepare(rig, kind, name);
  rig.proxy.reset();
  await mustSucceed(rig, await start(rig, kind, name));
  const count = rig.proxy.calls.length;
  if (kind !== "destroy") await mustSucceed(rig, await start(rig, "destroy", name));
  return count;
}

async function prepare(rig: Rig, kind: Kind, name: string): Promise<void> {
  rig.proxy.reset();
  if (kind !== "create") await mustSucceed(rig, await start(rig, "create", name));
}

async function start(rig: Rig, kind: Kind, name: string): Promise<Operation> {
  if (kind === "create") return put(rig, name, threeStacks(rig, `first-id-of-${name}-1a2b3c`));
  if (kind === "update") return put(rig, name, threeStacks(rig, `other-id-of-${name}-${randomBytes(4).toString("hex")}`));
  return (await rig.call<{ operation: Operation }>("DELETE", route(name))).body.operation;
}

/** Runs one point. A create or destroy has an integration of its own; updates share one, which must be there already. */
export async function runPoint(rig: Rig, point: Point, name: string): Promise<Outcome> {
  const { kind, at, when, victim } = point;
  if (kind === "destroy") await prepare(rig, kind, name);
  const bucket = tenantThings.sharedBucket(rig.sandbox.accounts.tenant.accountId);
  const { foreign } = await readStatements(rig.aws, bucket);
  let call: Call | undefined;
  let killed = 0;
  rig.proxy.reset((one) => {
    if (one.number !== at || call !== undefined) return undefined;
    call = one;
    const run = async () => {
      killed = await rig.kill(victim);
    };
    return { do: "drop", when, run };
  });
  const started = Date.now();
  const operation = await start(rig, kind, name);
  const wrong: string[] = [];
  const ended = await rig.finished(operation.id, LIMIT).catch((error: Error) => {
    wrong.push(error.message);
    return undefined;
  });
  const seconds = (Date.now() - started) / 1000;
  const deletions = rig.proxy.calls.filter((one) => one.name === "ScheduleKeyDeletion").length;
  rig.proxy.reset();
  if (deletions > 0) wrong.push("I7: a key's deletion was scheduled");
  if (ended) {
    wrong.push(...(await checkTrue(rig, { name, operation: ended, foreign, bucket })));
    wrong.push(...(await finish(rig, kind, name, ended)));
    if (kind !== "update") wrong.push(...(await checkEmpty(rig, { name, foreign, bucket })));
  }
  const { state = "not ended", error, attempt = 0 } = ended ?? {};
  return { point, killed, state, attempts: attempt, seconds, wrong, ...(call && { call }), ...(error && { code: error.code }) };
}

/** The next request, without faults, must get to where this one wanted to go; then the integration goes. */
async function finish(rig: Rig, kind: Kind, name: string, ended: Operation): Promise<string[]> {
  try {
    if (ended.state !== "succeeded") await mustSucceed(rig, await start(rig, kind, name));
    if (kind === "create") await mustSucceed(rig, await start(rig, "destroy", name));
    return [];
  } catch (error) {
    return [`the next run didn't converge: ${(error as Error).message}`];
  }
}
