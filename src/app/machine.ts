/** The free memory and disk space of this machine, or of the container that the service runs in. */
import { readFile, statfs } from "node:fs/promises";

type Read = (file: string) => Promise<string>;

const readText: Read = (file) => readFile(file, "utf8");

/**
 * Bytes of memory that are still free: the smaller of what the kernel counts as available (proc(5), MemAvailable) and what the container's
 * limit leaves. File cache that can be freed doesn't count as used (kernel documentation, cgroup v2 `memory.stat`, and v1). Undefined if
 * neither is known.
 */
export async function memoryLeft(read: Read = readText): Promise<number | undefined> {
  const text = (file: string) => read(file).catch(() => "");
  const [info, ...groups] = await Promise.all([
    text("/proc/meminfo"),
    leftIn(text, "/sys/fs/cgroup", { limit: "memory.max", used: "memory.current", cache: "inactive_file" }),
    leftIn(text, "/sys/fs/cgroup/memory", { limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes", cache: "total_inactive_file" }),
  ]);
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(info)?.[1];
  const known = [available === undefined ? undefined : Number(available) * 1024, ...groups].filter((bytes) => bytes !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

async function leftIn(text: Read, folder: string, names: { limit: string; used: string; cache: string }): Promise<number | undefined> {
  const [limit, used, stat] = await Promise.all([`${names.limit}`, names.used, "memory.stat"].map((name) => text(`${folder}/${name}`)));
  // Without a limit, cgroup v2 says `max`.
  if (!/^\d+\s*$/.test(limit ?? "") || !/^\d+\s*$/.test(used ?? "")) return undefined;
  const cache = Number(new RegExp(`^${names.cache} (\\d+)$`, "m").exec(stat ?? "")?.[1] ?? 0);
  return Math.max(0, Number(limit) - Number(used) + cache);
}

/** Bytes that we may use on the disk of each folder that exists. */
export async function diskFree(folders: readonly string[]): Promise<{ folder: string; free: number }[]> {
  const found = await Promise.all(
    folders.map(async (folder) => {
      const disk = await statfs(folder).catch(() => undefined);
      return disk && { folder, free: disk.bavail * disk.bsize };
    }),
  );
  return found.filter((disk) => disk !== undefined);
}
