/**
 * Random SIGKILLs during a mixed load: two replicas on one PostgreSQL (one host), ten tenants. The only help is that a dead service is
 * restarted.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Campaign } from "./campaign.ts";
import { openDatabase } from "./database.ts";
import { checkQuiet, look } from "./invariants.ts";
import { createMix, type Mix } from "./mix.ts";
import { pick, seeded, shuffled } from "./random.ts";
import { type Rig, startRig } from "./rig.ts";
import { type Victim, victims } from "./victims.ts";

/** Seconds after a round's last kill. All of the round's operations must end within them */
const LIMIT = 120;
const killsPerRound = 5;
const operationsPerRound = 6;
const tenants = 10;

export const kills: Campaign = {
  what: "random SIGKILLs over a mixed load of two replicas and ten tenants on one PostgreSQL, one host",
  usual: 100,
  async run({ count, seed, within, tell }) {
    const database = await openDatabase();
    const rig = await startRig({}, { replicas: 2, databaseUrl: database.url });
    const random = seeded(seed);
    const begun = Date.now();
    const wrong: string[] = [];
    const total = { kills: 0, operations: 0, taken: 0 };
    let slowest = 0;
    try {
      const mix = await createMix(rig, random, tenants);
      for (let round = 0; total.kills < count && Date.now() - begun < within; round++) {
        const outcome = await runRound(rig, mix, random, Math.min(killsPerRound, count - total.kills));
        tell({ round, ...outcome });
        total.kills += outcome.killed.length;
        total.operations += outcome.states.length;
        total.taken += outcome.states.filter(({ attempts }) => attempts > 1).length;
        slowest = Math.max(slowest, outcome.seconds);
        wrong.push(...outcome.wrong.map((what) => `round ${round}: ${what}`));
      }
      wrong.push(...(await mix.clear(LIMIT)));
    } finally {
      await rig.stop();
      await database.remove();
    }
    const note = `${total.operations} operations, ${total.taken} of them run more than once; then all torn down and looked for`;
    return { cases: total.kills, wrong, slowest, note };
  },
};

async function runRound(rig: Rig, mix: Mix, random: () => number, count: number) {
  const chosen = shuffled(random, mix.members).slice(0, operationsPerRound);
  const plan = Array.from({ length: count }, () => ({ pause: 300 + random() * 3_000, victim: pick(random, victims), replica: random() }));
  const killing = (async () => {
    const killed: Victim[] = [];
    for (const { pause, victim, replica } of plan) {
      await sleep(pause);
      // If no process of that kind runs, none is killed. A service always runs.
      const one = pick(() => replica, rig.replicas);
      if ((await one.killOne(victim, random)) > 0) killed.push(victim);
      else if ((await one.killOne("service", random)) > 0) killed.push("service");
    }
    return killed;
  })();
  const wrong: string[] = [];
  const started = await Promise.all(chosen.map((member) => mix.start(member)));
  const killed = await killing;
  const last = Date.now();
  const states = await Promise.all(
    started.map(async (one) => {
      const ended = await rig.finished(one.operation.id, LIMIT).catch((error: Error) => error);
      if (ended instanceof Error) {
        wrong.push(ended.message);
        return { state: "not ended", attempts: 0 };
      }
      return { ended, one, state: ended.state, attempts: ended.attempt };
    }),
  );
  const seconds = (Date.now() - last) / 1000;
  for (const { ended, one } of states) if (ended && one) wrong.push(...(await mix.check(one, ended)));
  wrong.push(...(await checkQuiet(rig, await look(rig))));
  const told = states.map(({ state, attempts, ended }) => ({ state, attempts, ...(ended?.error && { code: ended.error.code }) }));
  return { killed, states: told, seconds, wrong };
}
