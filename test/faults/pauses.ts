/**
 * A worker is paused (SIGSTOP) longer than its lease, and continues. On the same host nobody may take over meanwhile. If another host took
 * its lease, as it may when the worker's sessions must have expired, nothing that the worker then does may count.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Operation, OperationEvent } from "../../src/model/operation.ts";
import type { Campaign } from "./campaign.ts";
import { openDatabase } from "./database.ts";
import { checkEnded, checkQuiet, look } from "./invariants.ts";
import { seeded } from "./random.ts";
import { oneRole, putIntegration } from "./requests.ts";
import { type Rig, startRig } from "./rig.ts";

const LIMIT = 120;
/** Milliseconds; longer than the 30 s after which a dead owner's lease may be taken */
const PAUSE = 33_000;

export const pauses: Campaign = {
  what: "SIGSTOP of a service for longer than its lease: on its own host nobody takes the lease; if it is taken by force, no later write of the service counts",
  usual: 6,
  async run({ count, seed, within, tell }) {
    const database = await openDatabase();
    const rig = await startRig({}, { replicas: 2, databaseUrl: database.url });
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const random = seeded(seed);
    const begun = Date.now();
    const results: Awaited<ReturnType<typeof pause>>[] = [];
    try {
      await rig.tenant("acme");
      for (let index = 0; index < count && Date.now() - begun < within; index++) {
        const result = await pause(rig, client, { index, robbed: index % 2 === 1, at: Math.floor(5 + random() * 40) });
        tell(result);
        results.push(result);
      }
    } finally {
      await client.end();
      await rig.stop();
      await database.remove();
    }
    return {
      cases: results.length,
      wrong: results.flatMap(({ name, wrong }) => wrong.map((what) => `${name}: ${what}`)),
      slowest: Math.max(...results.map(({ seconds }) => seconds)),
      note: `in ${results.filter(({ robbed }) => robbed).length} of them the lease was taken by force`,
    };
  },
};

interface Case {
  index: number;
  robbed: boolean;
  /**
   * The number of the call at which the worker is paused. A worker whose lease will be taken is paused during its proof, when no CLI runs
   */
  at: number;
}

async function pause(rig: Rig, client: pg.Client, { index, robbed, at }: Case) {
  const name = `paused-${index}`;
  const wrong: string[] = [];
  rig.proxy.reset();
  const started = Date.now();
  const { id } = await putIntegration(rig, "acme", name, oneRole(rig, name, `id-of-${name}-5ca1e`));
  await until(async () => (robbed ? await hasBegun(rig, id, "prove") : rig.proxy.calls.length >= at) || (await ended(rig, id)));
  const { rows } = await client.query<{ pid: number; epoch: string }>("select pid, epoch from leases where resource = $1", [
    `operation:${id}`,
  ]);
  const [owner] = rows;
  if (owner === undefined) return { name, robbed, at, seconds: 0, state: "ended before the pause", wrong };
  process.kill(owner.pid, "SIGSTOP");
  const other = rig.replicas.find((one) => one.service().process.pid !== owner.pid);
  try {
    if (robbed) {
      await client.query("update leases set host = 'elsewhere', heartbeat = clock_timestamp() - interval '2 hours' where pid = $1", [
        owner.pid,
      ]);
      const end = Date.now() + LIMIT * 1000;
      await until(async () => Date.now() > end || (await endedBy(other, id)));
    } else {
      await sleep(PAUSE);
      const { rows: now } = await client.query<{ epoch: string }>("select epoch from leases where resource = $1", [`operation:${id}`]);
      if (now[0]?.epoch !== owner.epoch) wrong.push("a paused owner on the same host was robbed");
    }
  } finally {
    rig.proxy.reset();
    process.kill(owner.pid, "SIGCONT");
  }
  const operation = await rig.finished(id, LIMIT).catch((error: Error) => void wrong.push(error.message));
  if (robbed) {
    // A worker that continues sends its remaining writes within moments.
    await sleep(5_000);
    const late = rig.proxy.calls.filter(({ writes }) => writes);
    if (late.length > 0) wrong.push(`after waking it wrote: ${late.map((call) => call.name).join()}`);
  }
  if (operation) {
    if (operation.state !== "succeeded") wrong.push(`it ended ${operation.state}: ${JSON.stringify(operation.error)}`);
    const sight = await look(rig, "acme");
    wrong.push(...(await checkEnded(rig, sight, { tenant: "acme", name, operation, has: { roles: 1, keys: 0 } })));
    wrong.push(...(await checkQuiet(rig, sight)));
  }
  return { name, robbed, at, seconds: (Date.now() - started) / 1000, state: operation?.state, attempts: operation?.attempt, wrong };
}

async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await sleep(20);
}

async function hasBegun(rig: Rig, id: string, step: string): Promise<boolean> {
  const { body } = await rig.call<{ items: OperationEvent[] }>("GET", `/v1/operations/${id}/events?limit=200`);
  return body.items.some(({ type, data }) => type === "step-started" && data["name"] === step);
}

async function ended(rig: Rig, id: string): Promise<boolean> {
  return (await rig.call<Operation>("GET", `/v1/operations/${id}`)).body.finishedAt !== undefined;
}

/** Asks the replica that isn't paused. */
async function endedBy(other: Rig["replicas"][number] | undefined, id: string): Promise<boolean> {
  await sleep(200);
  const answer = await other?.api().call<Operation>("GET", `/v1/operations/${id}`);
  return answer?.body.finishedAt !== undefined;
}
