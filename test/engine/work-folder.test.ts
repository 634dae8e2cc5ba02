import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { keepNoLogs } from "../../src/engine/work-folder.ts";

let home: string;
const logs = () => path.join(home, "logs");
before(async () => {
  home = path.join(await mkdtemp(path.join(os.tmpdir(), "drawbridge-home-")), "pulumi-home");
});
after(() => rm(path.dirname(home), { recursive: true, force: true }));

test("a home without logs gets a file in place of the log folder, and keeps it", async () => {
  await keepNoLogs(home);
  await keepNoLogs(home);
  assert.equal(await readFile(logs(), "utf8"), "");
});

test("existing logs are deleted", async () => {
  await rm(logs());
  await mkdir(logs());
  await writeFile(path.join(logs(), "pulumi-1.log"), "documents");
  await keepNoLogs(home);
  assert.equal(await readFile(logs(), "utf8"), "");
});
