/** Names that were private metaphors: no identifier and no file has one again. The README's glossary has the words to use. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import ts from "typescript";

const root = join(import.meta.dirname, "../..");

/** Parts of names, as `appliedWish` and `wish-text` have them, and the word in their place. */
const oldParts: Readonly<Record<string, string>> = {
  wish: "desired integration, request",
  wishes: "options, requests",
  wished: "desired",
  bury: "write the tombstone",
  buried: "tombstone",
  patience: "retry",
  patiently: "with retries",
  breath: "yield",
  house: "rig",
};

/** Whole names. */
const oldNames: Readonly<Record<string, string>> = {
  Met: "StoredState",
  Shell: "Context",
  shell: "context",
  lifeEnded: "incarnationChanged",
  life: "lifecycle, incarnation",
  contain: "closeAccess",
  Contained: "ClosedRole",
  afterDeath: "clearStaleLocks",
  deathOn: "ownerLiveness",
  room: "capacity",
  Room: "Capacity",
  takeTurn: "nextPosition",
  forgetTurns: "forgetOldPositions",
  subjectOf: "lookUpOperation",
  requireWriter: "requireFencing",
};

const oldFiles = ["after-death", "contain", "patience", "room", "shell", "subject", "turns", "unrecorded", "wish", "writer"];

const partsOf = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);

const isOld = (name: string): boolean => Object.hasOwn(oldNames, name) || partsOf(name).some((part) => Object.hasOwn(oldParts, part));

/** Every identifier of a file that isn't part of a string or comment. */
function identifiersOf(text: string): Set<string> {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) found.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("file.ts", text, ts.ScriptTarget.Latest));
  return found;
}

const files = globSync(["src/**/*.ts", "stacks/**/*.ts", "programs/**/*.ts", "sandbox/**/*.ts", "test/**/*.ts"], { cwd: root }).filter(
  (file) => !file.endsWith("old-names.test.ts"),
);

test("no identifier has an old name", () => {
  assert.ok(files.length > 400, "the files are found");
  // Node's own option of child_process is `shell`.
  const found = files.flatMap((file) =>
    [...identifiersOf(readFileSync(join(root, file), "utf8"))]
      .filter((name) => isOld(name) && !(name === "shell" && file.startsWith("src/cli/")))
      .map((name) => `${file}: ${name}`),
  );
  assert.deepEqual(found, []);
});

test("no file has an old name", () => {
  const stem = (file: string) => basename(file).replace(/(\.test)?\.ts$/, "");
  assert.deepEqual(
    files.filter((file) => oldFiles.includes(stem(file)) || partsOf(stem(file)).some((part) => Object.hasOwn(oldParts, part))),
    [],
  );
});

test("an old name is seen as a whole, as a part, and in a file that parses to it", () => {
  assert.deepEqual(["appliedWish", "Met", "RunWishes", "metrics", "context", "houseNumber"].map(isOld), [
    true,
    true,
    true,
    false,
    false,
    true,
  ]);
  assert.ok([...identifiersOf("const { wish: asked } = read();")].some(isOld));
  assert.ok(![...identifiersOf('// wish\nconst asked = "wish";')].some(isOld));
});
