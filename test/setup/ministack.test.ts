import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ensureMinistack, isPythonAcceptable, ministackVersion } from "../../setup/ministack.ts";
import type { Ran, Run } from "../../setup/step.ts";

const ran = (stdout = "", code = 0, stderr = ""): Ran => ({ code, stdout, stderr });
const cacheBefore = process.env["XDG_CACHE_HOME"];
let cache: string;

beforeEach(async () => {
  cache = await mkdtemp(path.join(os.tmpdir(), "drawbridge-cache-"));
  process.env["XDG_CACHE_HOME"] = cache;
});

afterEach(async () => {
  if (cacheBefore === undefined) delete process.env["XDG_CACHE_HOME"];
  else process.env["XDG_CACHE_HOME"] = cacheBefore;
  await rm(cache, { recursive: true, force: true });
});

/** A Python 3.12 whose pip makes the folder, or ends with `code`. */
const pythonWith =
  (calls: string[], code = 0): Run =>
  async (command, args) => {
    calls.push([command, ...args.slice(0, 3)].join(" "));
    if (args[0] === "--version") return ran("Python 3.12.4\n");
    if (args[2] === "--version") return ran("pip 24");
    const folder = args[args.indexOf("--target") + 1] ?? "";
    await mkdir(path.join(folder, `ministack-${ministackVersion}.dist-info`), { recursive: true });
    return ran("", code, "no matching distribution");
  };

describe("the emulator's packages", () => {
  test("Python 3.10 is old enough and 3.9 too old", () => {
    assert.equal(isPythonAcceptable("Python 3.10.0\n"), true);
    assert.equal(isPythonAcceptable("Python 3.13.1"), true);
    assert.equal(isPythonAcceptable("Python 3.9.18"), false);
    assert.equal(isPythonAcceptable("Python 2.7.18"), false);
    assert.equal(isPythonAcceptable(""), false);
  });

  test("they are installed once, into the user's cache, and found the second time", async () => {
    const calls: string[] = [];
    const said: string[] = [];
    const first = await ensureMinistack({ log: (line) => said.push(line), run: pythonWith(calls) });
    assert.deepEqual(first, { python: "python3", packages: path.join(cache, "drawbridge", "ministack", ministackVersion) });
    const before = calls.length;
    assert.deepEqual(await ensureMinistack({ log: (line) => said.push(line), run: pythonWith(calls) }), first);
    assert.equal(calls.length, before + 1);
    assert.match(said.join("\n"), /install …\n.*install: done in \d+\.\d s\n.*found in/);
  });

  test("an installation that fails leaves nothing that looks finished", async () => {
    await assert.rejects(
      ensureMinistack({ log: () => undefined, run: pythonWith([], 1) }),
      /pip could not install MiniStack .*\nno matching distribution/,
    );
    assert.deepEqual(await readdir(path.join(cache, "drawbridge", "ministack")), []);
  });

  test("a missing Python or pip is answered with what to install", async () => {
    await assert.rejects(
      ensureMinistack({ log: () => undefined, run: async () => ran("", 127, "ENOENT") }),
      /needs Python 3\.10 or newer: install it/,
    );
    const noPip: Run = async (_command, args) => (args[0] === "--version" ? ran("Python 3.11.2") : ran("", 1, "No module named pip"));
    await assert.rejects(ensureMinistack({ log: () => undefined, run: noPip }), /needs pip for python3: install it/);
  });
});
