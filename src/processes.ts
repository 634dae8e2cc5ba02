/**
 * Which processes on this host belong to an operation or are a runner, by what stands in their environment. The engine
 * puts every plugin into a process group of its own, so a group says nothing about who is still alive.
 */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** One variable of the environment, exactly: an attempt at an operation (`<id>-<epoch>`), or a runner's uuid. */
export type Marker = { operation: string } | { runner: string };

const entryOf = (marker: Marker) =>
  "operation" in marker ? `DRAWBRIDGE_OPERATION=${marker.operation}` : `DRAWBRIDGE_RUNNER=${marker.runner}`;

/** A zombie has ended: only its parent's wait is missing, and its environment reads as empty. */
async function carries(pid: string, entry: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
  return environment.split("\0").includes(entry);
}

/** Process ids that carry the marker; undefined where the host has no /proc to tell by. */
export async function findByMarker(marker: Marker): Promise<number[] | undefined> {
  const entry = entryOf(marker);
  const names = await readdir("/proc").catch(() => undefined);
  if (!names?.includes("self")) return undefined;
  const pids = names.filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const marked = await Promise.all(pids.map(async (pid) => ((await carries(pid, entry)) ? Number(pid) : undefined)));
  return marked.filter((pid) => pid !== undefined);
}

/** Whether a running process carries the marker. If the host can't tell, the answer is yes: no owner counts as dead without proof. */
export async function isMarkerAlive(marker: Marker): Promise<boolean> {
  const pids = await findByMarker(marker);
  return pids === undefined || pids.length > 0;
}

/** The start time of a process in clock ticks since boot (proc(5), stat field 22), or undefined: a pid alone is reused. */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/** Whether a process of this id is there and hasn't ended; one that only waits to be reaped has. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Another user's process is a process too.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return stat[stat.lastIndexOf(")") + 2] !== "Z";
}

/**
 * Whether no process of this id is left that was there at the given time (RFC 3339): it has ended, or a later one got its
 * number. Start times are compared with a second's margin, because the kernel rounds them (proc(5), `btime`).
 */
export async function startedAfter(pid: number, at: string): Promise<boolean> {
  if (!(await isAlive(pid))) return true;
  const [ticks, stat] = await Promise.all([startTimeOf(pid), readFile("/proc/stat", "latin1").catch(() => "")]);
  const boot = Number(/^btime (\d+)/m.exec(stat)?.[1]);
  const started = (boot + Number(ticks) / ticksPerSecond) * 1000;
  return Number.isFinite(started) && started > Date.parse(at) + 1_000;
}

/** USER_HZ, which is 100 on every Linux that Node runs on (time(7)) */
const ticksPerSecond = 100;

function send(pids: number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // Ended between the look and the signal.
    }
  }
}

/**
 * Ends every process that carries the marker: SIGTERM (skipped when `graceMs` is 0), `graceMs` milliseconds to go, then
 * SIGKILL until none is left, at most ten seconds. Answers the pids it saw and whether all are gone.
 */
export async function killByMarker(marker: Marker, { graceMs }: { graceMs: number }): Promise<{ seen: number[]; gone: boolean }> {
  const seen = new Set<number>();
  const look = async () => {
    const pids = await findByMarker(marker);
    for (const pid of pids ?? []) seen.add(pid);
    return pids;
  };
  let pids = await look();
  if (pids === undefined) return { seen: [], gone: false };
  const started = Date.now();
  if (graceMs > 0) send(pids, "SIGTERM");
  while (pids.length > 0 && Date.now() - started < graceMs) {
    await sleep(50);
    pids = (await look()) ?? [];
  }
  while (pids.length > 0 && Date.now() - started < graceMs + 10_000) {
    send(pids, "SIGKILL");
    await sleep(20);
    pids = (await look()) ?? [];
  }
  return { seen: [...seen], gone: pids.length === 0 };
}
