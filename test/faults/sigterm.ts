/**
 * SIGTERM of the service under load. It exits with 0 and leaves no lock and no process. Operations that it gave back end after the restart.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Operation } from "../../src/model/operation.ts";
import type { Campaign } from "./campaign.ts";
import { checkEnded, checkQuiet, look } from "./invariants.ts";
import { readState } from "./inventory.ts";
import { seeded } from "./random.ts";
import { oneRole, putIntegration } from "./requests.ts";
import { type Rig, startRig } from "./rig.ts";

const LIMIT = 300;
/** How many integrations are changed again and again meanwhile */
const load = 3;

export const sigterms: Campaign = {
  what: "SIGTERM of the service while three integrations are changed again and again: exit code, locks, processes, ends",
  usual: 30,
  async run({ count, seed, within, tell }) {
    const rig = await startRig({ DRAWBRIDGE_DRAIN_SECONDS: "1" });
    const random = seeded(seed);
    const begun = Date.now();
    const wrong: string[] = [];
    const total = { signals: 0, inFlight: 0, operations: 0, slowest: 0 };
    try {
      await rig.tenant("acme");
      const stop = new AbortController();
      const ended = (one: { seconds: number; wrong: string[] }) => {
        total.operations += 1;
        total.slowest = Math.max(total.slowest, one.seconds);
        wrong.push(...one.wrong);
      };
      const working = Array.from({ length: load }, (_, index) => keepChanging(rig, `t${index}`, stop.signal, ended));
      while (total.signals < count && Date.now() - begun < within) {
        // A service that is restarted faster than one update takes would never finish one, and we don't promise that it does.
        const before = total.operations;
        const end = Date.now() + 60_000;
        while (total.operations === before && total.signals > 0 && Date.now() < end) await sleep(100);
        await sleep(1_000 + random() * 4_000);
        const one = await terminate(rig);
        tell({ signal: total.signals, ...one });
        total.signals += 1;
        total.inFlight += one.running;
        wrong.push(...one.wrong.map((what) => `signal ${total.signals}: ${what}`));
      }
      stop.abort();
      await Promise.all(working);
      wrong.push(...(await checkQuiet(rig, await look(rig, "acme"))));
    } finally {
      await rig.stop();
    }
    const note = `${total.inFlight} updates were running at the signals, of ${total.operations} operations`;
    return { cases: total.signals, wrong, slowest: total.slowest, note };
  },
};

/**
 * Changes one integration again and again until the signal aborts. Each change must succeed, and a restart must not count as an attempt.
 */
async function keepChanging(rig: Rig, name: string, stop: AbortSignal, tell: (one: { seconds: number; wrong: string[] }) => void) {
  for (let number = 0; !stop.aborted; number++) {
    const begun = Date.now();
    const { id } = await putIntegration(rig, "acme", name, oneRole(rig, name, `id-${number}-of-${name}-c0ffee`));
    const ended = await rig.finished(id, LIMIT).catch((error: Error) => error);
    const seconds = (Date.now() - begun) / 1000;
    tell({ seconds, wrong: ended instanceof Error ? [`${name}: ${ended.message}`] : await whatIsWrong(rig, name, ended) });
  }
}

async function whatIsWrong(rig: Rig, name: string, operation: Operation): Promise<string[]> {
  const wrong = await checkEnded(rig, await look(rig, "acme"), { tenant: "acme", name, operation, has: { roles: 1, keys: 0 } });
  if (operation.state !== "succeeded") wrong.push(`it ended ${operation.state}: ${JSON.stringify(operation.error)}`);
  if (operation.attempt !== 1) wrong.push(`it took ${operation.attempt} attempts`);
  return wrong.map((what) => `${name}: ${what}`);
}

async function terminate(rig: Rig) {
  const [replica] = rig.replicas;
  if (replica === undefined) throw new Error("no service");
  const wrong: string[] = [];
  const { body } = await rig.call<{ items: Operation[] }>("GET", "/v1/operations?tenant=acme&state=running");
  const { url } = rig.service();
  const begun = Date.now();
  const ending = replica.end("SIGTERM");
  await sleep(150);
  const ready = await fetch(`${url}/readyz`).catch(() => undefined);
  if (ready?.ok) wrong.push("ready while it drains");
  const code = await ending;
  const drained = (Date.now() - begun) / 1000;
  if (code !== 0) wrong.push(`it exited ${code}`);
  const { locks } = await readState(rig.platform, rig.stateBucket);
  wrong.push(...locks.map((lock) => `at the exit a lock is left: ${lock}`));
  const living = await rig.updating();
  if (living > 0) wrong.push(`at the exit ${living} processes of updates are left`);
  await replica.again();
  return { running: body.items.length, code, drained, wrong };
}
