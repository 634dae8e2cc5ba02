/** One crash point: a process is killed at one call to AWS or the state bucket. Then the operation must complete correctly by itself. */
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
  /** The number of the call, counted from the request */
  at: number;
  when: "before" | "after";
  /** Candidates. The first one that runs at that moment is killed; the service always runs. */
  victims: readonly Victim[];
}

export interface Outcome {
  kind: Kind;
  at: number;
  when: "before" | "after";
  /** The call at which the process was killed; undefined if the operation made fewer calls */
  call?: Call;
  /** The process that was killed; undefined if none was */
  victim?: Victim;
  /** The end of the operation, with the seconds until then */
  state: string;
  code?: string;
  attempts: number;
  seconds: number;
  /** What was wrong afterwards; empty if all is well */
  wrong: string[];
}

/** A rig with one tenant for the cell alone. */
export interface Cell {
  rig: Rig;
  tenant: string;
}

/** Seconds within which an operation must end by itself. */
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

/** Runs an operation without faults until it succeeds. Returns how many calls it made. */
export async function runCleanly(cell: Cell, kind: Kind, name: string): Promise<number> {
  cell.rig.proxy.reset();
  await mustSucceed(cell, await start(cell, kind, name));
  return cell.rig.proxy.calls.length;
}

/** Runs one point. A create or destroy has its own integration. Updates share one, which must exist already. */
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

/** The next request, without faults, must reach the goal of this one. Then the integration is destroyed. */
async function finish(cell: Cell, kind: Kind, name: string, ended: Operation): Promise<string[]> {
  try {
    if (ended.state !== "succeeded") await mustSucceed(cell, await start(cell, kind, name));
    if (kind === "create") await mustSucceed(cell, await start(cell, "destroy", name));
    return [];
  } catch (error) {
    return [`the next run didn't converge: ${(error as Error).message}`];
  }
}
