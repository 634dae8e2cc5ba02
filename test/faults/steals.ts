/**
 * Forced steals: a worker's lease is taken while it writes as fast as it can. None of its writes may be stored after its successor began.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { IntegrationRecord } from "../../src/model/integration.ts";
import type { TenantRecord } from "../../src/model/tenant.ts";
import type { Db } from "../../src/store/database/transaction.ts";
import { appendEvents, eventsAfter } from "../../src/store/events.ts";
import { changeIntegration, findIntegration, saveIntegration } from "../../src/store/integrations.ts";
import { heartbeat, type LeaseHolder, recordRunner, releaseLeases, takeLeases } from "../../src/store/leases.ts";
import { createOperation } from "../../src/store/operations.ts";
import { openStore } from "../../src/store/store.ts";
import { saveTenant } from "../../src/store/tenants.ts";
import { finishOperation, parkOperation, requeueOperation, startOperation } from "../../src/store/transitions.ts";
import { silent } from "../store/backends.ts";
import type { Campaign } from "./campaign.ts";
import { openDatabase } from "./database.ts";
import { seeded } from "./random.ts";

/** How many cases run at the same time */
const together = 4;

export const steals: Campaign = {
  what: "leases taken by force from an owner that goes on writing: stale records, events or ends",
  usual: 1_000,
  async run({ count, seed, tell }) {
    const { wrong, refused } = await stealMany(count, seed);
    for (const one of wrong) tell({ wrong: one });
    return { cases: count, wrong, note: `${refused} stale writes refused` };
  },
};

/** Steals `count` times. Returns what is wrong and how many stale writes were refused. */
export async function stealMany(count: number, seed: number): Promise<{ wrong: string[]; refused: number }> {
  const database = await openDatabase();
  const open = () => openStore({ databaseUrl: database.url, dataDir: "", log: silent });
  const [old, thief] = await Promise.all([open(), open()]);
  const random = seeded(seed);
  const wrong: string[] = [];
  let refused = 0;
  try {
    await saveTenant(thief.db, tenant);
    const numbers = Array.from({ length: count }, (_, index) => ({ index, pause: random() * 12 }));
    const worker = async () => {
      for (let one = numbers.shift(); one; one = numbers.shift()) {
        const found = await steal(old.db, thief.db, one);
        wrong.push(...found.wrong.map((what) => `steal ${one?.index}: ${what}`));
        refused += found.refused;
      }
    };
    await Promise.all(Array.from({ length: together }, worker));
  } finally {
    await Promise.all([old.close(), thief.close()]);
    await database.remove();
  }
  return { wrong, refused };
}

async function steal(
  old: Db,
  thief: Db,
  { index, pause }: { index: number; pause: number },
): Promise<{ wrong: string[]; refused: number }> {
  const name = `i${index}`;
  await saveIntegration(old, recordOf(name));
  const request = { kind: "up", tenant: "t", integration: name, request: {}, requestedBy: "me", deadlineSeconds: 60 } as const;
  const { id } = await createOperation(old, request);
  const resources = [`operation:${id}`, `stack:t/role/${name}`];
  const first = await take(old, resources, "old", "wait");
  await startOperation(old, id, { epoch: first });
  let robbed = false;
  let refused = 0;
  const writing = (async () => {
    // The old owner doesn't know about the steal and continues for a while after it.
    for (let after = 0; after < 3; after += robbed ? 1 : 0) {
      refused += await refusals([() => writeEvent(old, id, first), () => writeRecord(old, id, name, first)]);
    }
  })();
  await sleep(pause);
  const second = await take(thief, resources, "thief", "steal");
  await startOperation(thief, id, { epoch: second });
  robbed = true;
  await writeEvent(thief, id, second);
  await writeRecord(thief, id, name, second);
  await writing;
  const late = [
    () => recordRunner(old, first, randomUUID()).then(mustBe(false)),
    () => heartbeat(old, first).then(mustBe(0)),
    () => finishOperation(old, id, first, { state: "succeeded" }),
    () => parkOperation(old, id, first, { planHash: "x" }),
    () => requeueOperation(old, id, first),
  ];
  const ends = await refusals(late);
  await releaseLeases(old, first);
  const kept = await heartbeat(thief, second);
  await finishOperation(thief, id, second, { state: "succeeded" });
  await releaseLeases(thief, second);
  const wrong = [
    ...(ends === late.length ? [] : ["the old owner could end, park or give back the operation, or beat"]),
    ...(kept === resources.length ? [] : ["the old owner gave back what wasn't its own"]),
    ...(await staleWrites(thief, id, name)),
  ];
  return { wrong, refused: refused + ends };
}

const mustBe = (wanted: unknown) => (got: unknown) => {
  if (got === wanted) throw new Error("refused, as it should be");
};

/** How many of these writes were refused. */
async function refusals(writes: (() => Promise<unknown>)[]): Promise<number> {
  const results = await Promise.allSettled(writes.map((write) => write()));
  return results.filter(({ status }) => status === "rejected").length;
}

async function take(db: Db, resources: string[], owner: string, verdict: "wait" | "steal"): Promise<number> {
  const holder: LeaseHolder = { operation: "op", owner, pid: 1, processStart: "1", host: "here" };
  const epoch = await takeLeases(db, resources, holder, () => verdict);
  if (epoch === undefined) throw new Error(`${owner} didn't get the lease`);
  return epoch;
}

const writeEvent = (db: Db, id: string, epoch: number) => appendEvents(db, id, epoch, [{ type: "wrote", data: { by: epoch } }]);

const writersOf = ({ parameters }: IntegrationRecord) => parameters["writers"] as number[];

function writeRecord(db: Db, id: string, name: string, epoch: number): Promise<unknown> {
  const byMe = (record: IntegrationRecord) => ({ ...record, parameters: { writers: [...writersOf(record), epoch] } });
  return changeIntegration(db, "t", name, byMe, { operation: { id }, epoch });
}

/** Events and record changes in stored order: no older epoch after a newer one, and exactly one end. */
async function staleWrites(db: Db, id: string, name: string): Promise<string[]> {
  const events = await eventsAfter(db, id, 0, 10_000);
  const byEvents = events.filter(({ type }) => type === "wrote").map(({ data }) => Number(data["by"]));
  const record = await findIntegration(db, "t", name);
  const byRecord = record ? writersOf(record) : [];
  const ends = events.filter(({ data }) => data["state"] === "succeeded").length;
  return [
    ...(rises(byEvents) ? [] : [`a stale event: ${byEvents.join()}`]),
    ...(rises(byRecord) ? [] : [`a stale record: ${byRecord.join()}`]),
    ...(ends === 1 ? [] : [`${ends} ends`]),
  ];
}

const rises = (epochs: number[]) => epochs.every((epoch, index) => index === 0 || epoch >= (epochs[index - 1] ?? 0));

const at = new Date(0).toISOString();

const tenant: TenantRecord = {
  ...{ name: "t", accountId: "111122223333", region: "eu-west-1", access: { mode: "own-credentials" } },
  ...{ tags: {}, provisioningExternalId: "one", createdAt: at, updatedAt: at },
};

function recordOf(name: string): IntegrationRecord {
  return {
    ...{ tenant: "t", name, blueprint: "custom-s3", vendor: "a-vendor", version: "1.0.0", parameters: { writers: [] } },
    ...{ settings: {}, externalIds: [], supersededIds: [], stacks: [], createdAt: at, updatedAt: at },
    handshake: { state: "role-ready", awaiting: [] },
  };
}
