import assert from "node:assert/strict";
import { access, readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { guards } from "./guards.ts";
import { withoutGuard } from "./without-guard.ts";

const root = path.resolve(import.meta.dirname, "../..");

test("every guard on the list stands where the list says, once, and its test is there", async () => {
  for (const guard of guards) {
    const text = await readFile(path.join(root, guard.file), "utf8");
    assert.notEqual(withoutGuard(text, guard), text);
    await access(path.join(root, guard.test));
  }
});

test("a guard that has moved is told by its name", () => {
  const guard = { without: "the door", file: "house.ts", find: "door", instead: "", test: "house.test.ts" };
  assert.throws(() => withoutGuard("wall", guard), /the door: "door" doesn't stand exactly once in house.ts/);
  assert.throws(() => withoutGuard("door door", guard), /the door/);
});
