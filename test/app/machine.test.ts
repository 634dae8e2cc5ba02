import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { diskFree, memoryLeft } from "../../src/app/machine.ts";
import { makeWorkFolder } from "../../src/engine/work-folder.ts";
import { problemOf } from "../../src/problem.ts";

const reading = (files: Record<string, string>) => async (file: string) => {
  const text = files[file];
  if (text === undefined) throw new Error(`no ${file}`);
  return text;
};
const info = { "/proc/meminfo": "MemTotal: 8000 kB\nMemFree: 1 kB\nMemAvailable:    4000 kB\n" };

test("memory that is left is the least of what the machine and the container's limit leave", async () => {
  const v2 = (max: string) => ({
    "/sys/fs/cgroup/memory.max": max,
    "/sys/fs/cgroup/memory.current": "2000000\n",
    "/sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 500000\nactive_file 7\n",
  });
  const v1 = {
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "3000000\n",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": "2900000\n",
    "/sys/fs/cgroup/memory/memory.stat": "inactive_file 9\ntotal_inactive_file 100000\n",
  };
  assert.equal(await memoryLeft(reading(info)), 4_096_000);
  assert.equal(await memoryLeft(reading({ ...info, ...v2("max\n") })), 4_096_000);
  assert.equal(await memoryLeft(reading({ ...info, ...v2("3000000\n") })), 1_500_000, "file cache can be given up");
  assert.equal(await memoryLeft(reading({ ...info, ...v1 })), 200_000);
  assert.equal(await memoryLeft(reading({})), undefined);
});

test("a full disk has a name, whoever met it", () => {
  const of = (code: string, more = {}) => problemOf(Object.assign(new Error("/srv/secret: no space"), { code }, more)).code;
  assert.deepEqual([of("ENOSPC"), of("EDQUOT"), of("53100"), of("ENOENT")], ["storage_full", "storage_full", "storage_full", "internal"]);
  const inner = Object.assign(new Error("disk"), { code: "53100" });
  assert.equal(problemOf(new Error("the query failed", { cause: inner })).code, "storage_full");
});

test("a work folder on a disk that is full fails as storage_full, and the disk shows as full", async (t) => {
  const disk = await mkdtemp(path.join(tmpdir(), "drawbridge-disk-"));
  const run = promisify(execFile);
  try {
    await run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
  } catch {
    await rm(disk, { recursive: true });
    return t.skip("mounting isn't allowed here");
  }
  try {
    const settings = "x".repeat(100_000);
    const failed = await makeWorkFolder(path.join(disk, "op-1", "role.a"), { stack: "role.a", settings, credentials: "" }).catch(
      (error: unknown) => error,
    );
    assert.equal(problemOf(failed).code, "storage_full");
    await writeFile(path.join(disk, "rest"), "x".repeat(65_536)).catch(() => undefined);
    const [found] = await diskFree([disk, path.join(disk, "not-there")]);
    assert.deepEqual(found, { folder: disk, free: 0 });
  } finally {
    await run("umount", [disk]);
    await rm(disk, { recursive: true });
  }
});
