/** SIGTERM of the service under load: it exits 0, leaves no lock, and what it gave back ends after the restart. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Campaign } from "./campaign.ts";
import { checkEnded, look } from "./invariants.ts";
import { readState } from "./inventory.ts";
import { seeded } from "./random.ts";
import { oneRole, putIntegration } from "./requests.ts";
import { type Rig, startRig } from "./rig.ts";

const LIMIT = 120;
/** Requests under way when the signal comes */
const load = 3;

export const sigterms: Campaign = {
  what: "SIGTERM of the service with three updates accepted: exit code, locks, ends of what was given back",
  usual: 30,
  async run({ count, seed, within, tell }) {
    const rig = await startRig({ DRAWBRIDGE_DRAIN_SECONDS: "1" });
    const random = seeded(seed);
    const started = Date.now();
    const results: Awaited<ReturnType<typeof terminate>>[] = [];
    try {
      await rig.tenant("acme");
      for (let index = 0; index < count; index++) {
        const after = Math.floor(random() * 6_000);
        if (Date.now() - started > within) break;
        const result = await terminate(rig, index, after);
        tell(result);
        results.push(result);
      }
    } finally {
      await rig.stop();
    }
    const again = results.reduce((sum, { givenBack }) => sum + givenBack, 0);
    return {
      cases: results.length,
      wrong: results.flatMap(({ index, wrong }) => wrong.map((what) => `signal ${index}: ${what}`)),
      slowest: Math.max(...results.map(({ seconds }) => seconds)),
      note: `${again} operations had not ended at the exit`,
    };
  },
};

async function terminate(rig: Rig, index: number, after: number) {
  const started = Date.now();
  const wrong: string[] = [];
  const names = Array.from({ length: load }, (_, number) => `t${(index + number) % 6}`);
  const externalId = `id-of-signal-${index}-c0ffee`;
  const accepted = [];
  for (const name of names) {
    const operation = await putIntegration(rig, "acme", name, oneRole(rig, name, `${externalId}-${name}`));
    if (operation) accepted.push({ name, operation });
  }
  await sleep(after);
  const { url } = rig.service();
  const ending = rig.replicas[0]?.end("SIGTERM");
  await sleep(200);
  const ready = await fetch(`${url}/readyz`).catch(() => undefined);
  if (ready?.ok) wrong.push("ready while it drains");
  const code = await ending;
  if (code !== 0) wrong.push(`it exited ${code}`);
  const { locks } = await readState(rig.platform, rig.stateBucket);
  wrong.push(...locks.map((lock) => `at the exit a lock is left: ${lock}`));
  const living = await rig.updating();
  if (living > 0) wrong.push(`at the exit ${living} processes of updates are left`);
  await rig.replicas[0]?.again();
  let givenBack = 0;
  const exitedAt = new Date().toISOString();
  for (const { name, operation } of accepted) {
    const ended = await rig.finished(operation.id, LIMIT).catch((error: Error) => error);
    if (ended instanceof Error) {
      wrong.push(ended.message);
      continue;
    }
    if ((ended.finishedAt ?? "") > exitedAt) givenBack += 1;
    if (ended.state !== "succeeded") wrong.push(`${name} ended ${ended.state}: ${JSON.stringify(ended.error)}`);
    if (ended.attempt !== 1) wrong.push(`${name} took ${ended.attempt} attempts: a restart in good order is none`);
    wrong.push(...(await checkEnded(rig, await look(rig), { tenant: "acme", name, operation: ended, has: { roles: 1, keys: 0 } })));
  }
  return { index, after, code, givenBack, seconds: (Date.now() - started) / 1000, wrong };
}
