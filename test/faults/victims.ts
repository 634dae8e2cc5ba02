/** The processes to kill: the service and the processes of an update, found by their environment. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { pick } from "./random.ts";

export const victims = ["service", "runner", "cli", "plugin", "machine"] as const;
export type Victim = (typeof victims)[number];

export interface Process {
  pid: number;
  kind: "runner" | "cli" | "plugin";
}

/** The live processes whose environment has this plug-in home and a runner's marker. With `operation`, only those of that operation. */
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
  // The CLI also starts language hosts. Any process with the operation's marker that isn't the CLI counts as the plugin.
  return { pid, kind: "plugin" };
}

/**
 * SIGKILLs the victim. If no process of that kind runs, none is killed. `machine` kills everything at once. Returns how many processes were
 * killed.
 */
export async function kill(victim: Victim, service: number | undefined, pulumiHome: string): Promise<number> {
  const update =
    victim === "service" ? [] : (await updateProcesses(pulumiHome)).filter(({ kind }) => victim === "machine" || kind === victim);
  const pids = update.map(({ pid }) => pid);
  if ((victim === "service" || victim === "machine") && service !== undefined) pids.unshift(service);
  return killAll(pids);
}

/** Kills one random process of an update. Other updates that run at the same time continue. */
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
      // The process ended a moment ago.
    }
  }
  return dead;
}
