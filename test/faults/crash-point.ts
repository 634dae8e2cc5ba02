/** One crash point: somebody is killed at one call to AWS or the state bucket, and then everything must come true by itself. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Operation } from "../../src/model/operation.ts";
import { checkEmpty, checkEnded, checkForeign, checkNoStatements, checkQuiet, look } from "./invariants.ts";
import { readStatements } from "./inventory.ts";
import type { Call } from "./proxy.ts";
import { putIntegration, sharedBucket, startDestroy, threeStacks } from "./requests.ts";
import type { Rig } from "./rig.ts";
import type { Victim } from "./victims.ts";

export type Kind = "create" | "update" | "destroy";

export interface Point {
  kind: Kind;
  /** The number of the call, from the request on */
  at: number;
  when: "before" | "after";
  /** The first of these that is there at that moment dies; the service always is. */
  victims: readonly Victim[];
}

export interface Outcome {
  kind: Kind;
  at: number;
  when: "before" | "after";
  /** The call that it hit; undefined when the operation made fewer */
  call?: Call;
  /** Who died; undefined when nobody did */
  victim?: Victim;
  /** How the operation ended, and after how many seconds */
  state: string;
  code?: string;
  attempts: number;
  seconds: number;
  /** What was wrong afterwards; empty is well */
  wrong: string[];
}

/** A rig with a tenant of its own in it. */
export interface Cell {
  rig: Rig;
  tenant: string;
}

/** An operation must have ended by itself within this. */
export const LIMIT = 120;

async function mustSucceed({ rig }: Cell, operation: Operation): Promise<void> {
  const ended = await rig.finished(operation.id, LIMIT);
  assert.equal(ended.state, "succeeded", JSON.stringify(ended.error));
}

function start(cell: Cell, kind: Kind, name: string): Promise<Operation> {
  const { rig, tenant } = cell;
  if (kind === "destroy") return startDestroy(rig, tenant, name);
  const word = kind === "create" ? "first" : "other";
  return putIntegration(rig, tenant, name, threeStacks(rig, `${word}-id-of-${name}-${randomBytes(4).toString("hex")}`));
}

/** Runs an operation without faults, to its success. Answers how many calls it made. */
export async function runCleanly(cell: Cell, kind: Kind, name: string): Promise<number> {
  cell.rig.proxy.reset();
  await mustSucceed(cell, await start(cell, kind, name));
  return cell.rig.proxy.calls.length;
}

/** Runs one point. A create or destroy has an integration of its own; updates share one, which must be there already. */
export async function runPoint(cell: Cell, point: Point, name: string): Promise<Outcome> {
  const { rig, tenant } = cell;
  const { kind, at, when } = point;
  if (kind === "destroy") await runCleanly(cell, "create", name);
  const { foreign } = await readStatements(rig.aws, sharedBucket(rig));
  let call: Call | undefined;
  let victim: Victim | undefined;
  rig.proxy.reset((one) => {
    if (one.number !== at || call !== undefined) return undefined;
    call = one;
    const run = async () => {
      victim = await killFirst(rig, point.victims);
    };
    return { do: "drop", when, run };
  });
  const started = Date.now();
  const operation = await start(cell, kind, name);
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
    const sight = await look(rig, tenant);
    wrong.push(...(await checkEnded(rig, sight, { tenant, name, operation: ended, has: { roles: 1, keys: 1 } })));
    wrong.push(...(await checkQuiet(rig, sight)), ...(await checkForeign(rig, sharedBucket(rig), foreign)));
    wrong.push(...(await finish(cell, kind, name, ended)));
    if (kind !== "update") {
      wrong.push(...(await checkEmpty(rig, await look(rig, tenant), { tenant, name })));
      wrong.push(...(await checkNoStatements(rig, sharedBucket(rig))), ...(await checkForeign(rig, sharedBucket(rig), foreign)));
    }
  }
  const { state = "not ended", error, attempt = 0 } = ended ?? {};
  const found = { ...(call && { call }), ...(victim && { victim }), ...(error && { code: error.code }) };
  return { kind, at, when, ...found, state, attempts: attempt, seconds, wrong };
}

async function killFirst(rig: Rig, victims: readonly Victim[]): Promise<Victim | undefined> {
  for (const victim of victims) if ((await rig.kill(victim)) > 0) return victim;
  return undefined;
}

/** The next request, without faults, must get to where this one wanted to go; then the integration goes. */
async function finish(cell: Cell, kind: Kind, name: string, ended: Operation): Promise<string[]> {
  try {
    if (ended.state !== "succeeded") await mustSucceed(cell, await start(cell, kind, name));
    if (kind === "create") await mustSucceed(cell, await start(cell, "destroy", name));
    return [];
  } catch (error) {
    return [`the next run didn't converge: ${(error as Error).message}`];
  }
}
