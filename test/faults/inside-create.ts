/** The CLI is killed while its plugin waits for the reply to a Create. The plugin must be gone before another process writes. */
import { readFileSync } from "node:fs";
import type { Campaign } from "./campaign.ts";
import { checkEnded, checkQuiet, look } from "./invariants.ts";
import { pick, seeded } from "./random.ts";
import { oneRole, putIntegration } from "./requests.ts";
import { type Rig, startRig } from "./rig.ts";
import { updateProcesses, type Victim } from "./victims.ts";

const LIMIT = 120;
/** Milliseconds. The reply is held for at most this time, which is longer than any grace period of ours. */
const HOLD = 30_000;

export const insideCreate: Campaign = {
  what: "SIGKILL of the CLI (or runner, or service and CLI) while the plugin waits for the held reply to CreateRole",
  usual: 10,
  async run({ count, seed, within, tell }) {
    const rig = await startRig();
    const random = seeded(seed);
    const started = Date.now();
    const results: Awaited<ReturnType<typeof killInside>>[] = [];
    try {
      await rig.tenant("acme");
      for (let index = 0; index < count; index++) {
        const victims = pick<Victim[]>(random, [["cli"], ["cli"], ["runner"], ["runner", "cli"], ["service", "runner", "cli"]]);
        if (Date.now() - started > within) break;
        const result = await killInside(rig, `inside-${index}`, victims);
        tell(result);
        results.push(result);
      }
    } finally {
      await rig.stop();
    }
    const held = results.filter(({ plugins }) => plugins > 0).length;
    return {
      cases: results.length,
      wrong: results.flatMap(({ name, wrong }) => wrong.map((what) => `${name}: ${what}`)),
      slowest: Math.max(...results.map(({ seconds }) => seconds)),
      note: `in ${held} a plugin was inside the create; ${results.reduce((sum, { writes }) => sum + writes, 0)} later writes were checked`,
    };
  },
};

/** `/proc/<pid>/environ` is empty once the process has ended, even before its parent has waited for it. */
function isThere(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1") !== "";
  } catch {
    return false;
  }
}

/** One case. At each write after the kill, it checks at that moment whether the old plugin still runs. */
export async function killInside(rig: Rig, name: string, victims: readonly Victim[]) {
  const wrong: string[] = [];
  let old: number[] = [];
  let writes = 0;
  let killedAt = 0;
  let goneAfter: number | undefined;
  rig.proxy.reset((call) => {
    if (killedAt > 0 && call.writes) {
      writes += 1;
      const alive = old.filter(isThere);
      if (alive.length > 0) wrong.push(`${call.service} ${call.name} was sent while the old plugin (${alive.join()}) was alive`);
    }
    if (call.name !== "CreateRole" || killedAt > 0) return undefined;
    const run = async () => {
      const [replica] = rig.replicas;
      const processes = await updateProcesses(replica?.pulumiHome ?? "");
      old = processes.filter(({ kind }) => kind === "plugin").map(({ pid }) => pid);
      killedAt = Date.now();
      for (const victim of victims) await rig.kill(victim);
      while (old.some(isThere) && Date.now() - killedAt < HOLD) await new Promise((resolve) => setTimeout(resolve, 10));
      goneAfter = Date.now() - killedAt;
    };
    return { do: "drop", when: "after", run };
  });
  const started = Date.now();
  const operation = await putIntegration(rig, "acme", name, oneRole(rig, name, `id-of-${name}-e1f2a3`));
  const ended = await rig.finished(operation.id, LIMIT).catch((error: Error) => {
    wrong.push(error.message);
    return undefined;
  });
  rig.proxy.reset();
  if (old.some(isThere)) wrong.push("the old plugin outlived the operation");
  if (ended) {
    const sight = await look(rig);
    wrong.push(...(await checkEnded(rig, sight, { tenant: "acme", name, operation: ended, has: { roles: 1, keys: 0 } })));
    wrong.push(...(await checkQuiet(rig, sight)));
    if (ended.state !== "succeeded") wrong.push(`it ended ${ended.state}: ${JSON.stringify(ended.error)}`);
  }
  return { name, victims, plugins: old.length, goneAfter, writes, seconds: (Date.now() - started) / 1000, state: ended?.state, wrong };
}
