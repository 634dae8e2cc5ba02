/** What processes cost, read from /proc (Linux): CPU-seconds with all that they reaped, and resident memory. */
import { readdir, readFile } from "node:fs/promises";

/** Clock ticks per second: 100 on every Linux that Node runs on (sysconf _SC_CLK_TCK). */
const ticksPerSecond = 100;
const pageBytes = 4096;

interface Stat {
  pid: number;
  parent: number;
  /** seconds */
  own: number;
  /** seconds, reaped children included */
  cpu: number;
  /** bytes */
  rss: number;
}

async function statOf(pid: number): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  // The name in brackets may hold anything; fields are counted from the state behind it (proc_pid_stat(5)).
  const fields = text.slice(text.lastIndexOf(") ") + 2).split(" ");
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15).map(Number);
  const own = (utime + stime) / ticksPerSecond;
  return {
    pid,
    parent: Number(fields[1]),
    own,
    cpu: (utime + stime + cutime + cstime) / ticksPerSecond,
    rss: Number(fields[21]) * pageBytes,
  };
}

async function allStats(): Promise<Stat[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  return (await Promise.all(pids.map(statOf))).filter((stat) => stat !== undefined);
}

function below(stats: readonly Stat[], root: number): Stat[] {
  const children = stats.filter(({ parent }) => parent === root);
  return children.flatMap((child) => [child, ...below(stats, child.pid)]);
}

export interface TreeCost {
  /** seconds since the processes began, of those that live and of those they reaped */
  cpu: number;
  /** bytes, over all that live */
  rss: number;
  processes: number;
}

/** What a process and all below it have used so far. */
export async function treeCost(root: number): Promise<TreeCost> {
  const stats = await allStats();
  const tree = [...stats.filter(({ pid }) => pid === root), ...below(stats, root)];
  return {
    cpu: tree.reduce((sum, { cpu }) => sum + cpu, 0),
    rss: tree.reduce((sum, { rss }) => sum + rss, 0),
    processes: tree.length,
  };
}

/** CPU-seconds of one process alone, its ended children left out. */
export async function ownCpu(pid: number): Promise<number> {
  return (await statOf(pid))?.own ?? 0;
}

/** Resident memory of one process alone, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  return (await statOf(pid))?.rss ?? 0;
}
