/** Who is killed: the service and the processes of an update, found by what stands in their environment. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { pick } from "./random.ts";

export const victims = ["service", "runner", "cli", "plugin", "machine"] as const;
export type Victim = (typeof victims)[number];

export interface Process {
  pid: number;
  kind: "runner" | "cli" | "plugin";
}

/** The live processes whose environment holds this plug-in home and a runner's mark; those of one operation only, where one is named. */
export async function updateProcesses(pulumiHome: string, operation?: string): Promise<Process[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(names.map((name) => kindOf(name, pulumiHome, operation)));
  return found.filter((one) => one !== undefined);
}

async function kindOf(name: string, pulumiHome: string, operation: string | undefined): Promise<Process | undefined> {
  const environment = (await readFile(`/proc/${name}/environ`, "latin1").catch(() => "")).split("\0");
  const isOurs = environment.includes(`PULUMI_HOME=${pulumiHome}`) && environment.some((entry) => entry.startsWith("DRAWBRIDGE_RUNNER="));
  if (!isOurs) return undefined;
  if (operation !== undefined && !environment.some((entry) => entry.startsWith(`DRAWBRIDGE_OPERATION=${operation}-`))) return undefined;
  const pid = Number(name);
  const executable = await readlink(`/proc/${name}/exe`).catch(() => "");
  if (executable.endsWith("/pulumi")) return { pid, kind: "cli" };
  if (!environment.some((entry) => entry.startsWith("DRAWBRIDGE_OPERATION="))) return { pid, kind: "runner" };
  // The CLI also starts language hosts; what isn't the CLI itself and carries the operation's mark counts as the plugin.
  return { pid, kind: "plugin" };
}

/** SIGKILLs the victim; of a kind that isn't there at that moment nobody dies. `machine` is everything at once. Says how many died. */
export async function kill(victim: Victim, service: number | undefined, pulumiHome: string): Promise<number> {
  const update =
    victim === "service" ? [] : (await updateProcesses(pulumiHome)).filter(({ kind }) => victim === "machine" || kind === victim);
  const pids = update.map(({ pid }) => pid);
  if ((victim === "service" || victim === "machine") && service !== undefined) pids.unshift(service);
  return killAll(pids);
}

/** Of an update's processes one, by chance: with several updates under way the others go on. */
export async function killOne(
  victim: Victim,
  { service, pulumiHome, random }: { service: number | undefined; pulumiHome: string; random: () => number },
): Promise<number> {
  if (victim === "service" || victim === "machine") return kill(victim, service, pulumiHome);
  const there = (await updateProcesses(pulumiHome)).filter(({ kind }) => kind === victim);
  return there.length === 0 ? 0 : killAll([pick(random, there).pid]);
}

function killAll(pids: readonly number[]): number {
  let dead = 0;
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
      dead += 1;
    } catch {
      // It ended a moment ago.
    }
  }
  return dead;
}
