/**
 * Finds the processes on this host that belong to an operation or are a runner, by their environment. The engine puts every plugin into its
 * own process group, so a group doesn't tell which processes still run.
 */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** The exact value of one environment variable: an attempt at an operation (`<id>-<epoch>`), or a runner's uuid. */
export type Marker = { operation: string } | { runner: string };

const entryOf = (marker: Marker) =>
  "operation" in marker ? `DRAWBRIDGE_OPERATION=${marker.operation}` : `DRAWBRIDGE_RUNNER=${marker.runner}`;

/** A zombie counts as ended: it only waits for its parent, and its environment is empty. */
async function carries(pid: string, entry: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
  return environment.split("\0").includes(entry);
}

/** The ids of the processes that carry the marker; undefined if the host has no /proc. */
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

/**
 * The start time of a process in clock ticks since boot (proc(5), stat field 22), or undefined. A pid alone isn't enough, because pids are
 * reused.
 */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/** Whether a process with this id exists and hasn't ended. A zombie has ended. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process exists, but belongs to another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return stat[stat.lastIndexOf(")") + 2] !== "Z";
}

/**
 * Whether the process that had this id at the given time (RFC 3339) is gone: it has ended, or a later process has its number. Start times
 * are compared with a margin of one second, because the kernel rounds them (proc(5), `btime`).
 */
export async function startedAfter(pid: number, at: string): Promise<boolean> {
  if (!(await isAlive(pid))) return true;
  const [ticks, stat] = await Promise.all([startTimeOf(pid), readFile("/proc/stat", "latin1").catch(() => "")]);
  const boot = Number(/^btime (\d+)/m.exec(stat)?.[1]);
  const started = (boot + Number(ticks) / ticksPerSecond) * 1000;
  return Number.isFinite(started) && started > Date.parse(at) + 1_000;
}

/** USER_HZ. It is 100 on every Linux that Node runs on (time(7)) */
const ticksPerSecond = 100;

function send(pids: number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // The process ended between the look and the signal.
    }
  }
}

/**
 * Ends every process that carries the marker: sends SIGTERM (not if `graceMs` is 0), waits `graceMs` milliseconds, then sends SIGKILL until
 * none is left, for at most ten seconds. Returns the pids that it saw, and whether all are gone.
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
