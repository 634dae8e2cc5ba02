import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readManifests } from "../../src/gitops/manifests.ts";
import { readYaml } from "../../src/gitops/strict-yaml.ts";
import { yamlLimits } from "../../src/gitops/yaml-limits.ts";
import { manifestId } from "../../src/model/manifest.ts";

const times = (unit: string, bytes: number) => unit.repeat(Math.max(1, Math.floor(bytes / unit.length)));
const numbered = (bytes: number, line: (index: number) => string) => {
  let text = "";
  for (let index = 0; text.length < bytes; index += 1) text += line(index);
  return text;
};

/** Texts of any size, each of a kind that costs some reader of YAML more than its size. */
const kinds: Record<string, (bytes: number) => string> = {
  "keys of one map": (bytes) => numbered(bytes, (index) => `key${index}: 1\n`),
  "keys of one flow map": (bytes) => `{${numbered(bytes, (index) => `k${index}: 1, `)}}`,
  "keys of one JSON object": (bytes) => `{${numbered(bytes, (index) => `"k${index}":1,`)}"k":1}`,
  "unknown fields of a manifest": (bytes) => `kind: Tenant\nmetadata:\n${numbered(bytes, (index) => `  k${index}: 1\n`)}`,
  "wrong labels of a manifest": (bytes) =>
    `apiVersion: drawbridge/v1\nkind: Tenant\nmetadata:\n  name: a\n  labels:\n${numbered(bytes, (index) => `    k${index}: 1\n`)}`,
  "empty lines, then comments": (bytes) => `a: |\n    x\n${"\n".repeat(bytes / 2)}${times("  #\n", bytes / 2)}`,
  "a few empty lines, then comments": (bytes) => numbered(bytes, () => `a: |\n    x\n${"\n".repeat(400)}${"  #\n".repeat(400)}`),
  "empty lines after a value": (bytes) => `a:\n${"\n".repeat(bytes / 2)}${times("b:\n\n\n", bytes / 2)}`,
  comments: (bytes) => times(" # c\n", bytes),
  "comments inside a list": (bytes) => times("- a # c\n  # d\n", bytes),
  documents: (bytes) => times("---\n", bytes),
  "ends of documents": (bytes) => times("...\n", bytes),
  "documents with a value": (bytes) => times("--- a\n", bytes),
  errors: (bytes) => times("]\n", bytes),
  "errors in a list": (bytes) => times("- ]\n", bytes),
  "errors in many documents": (bytes) => times("--- ]\n", bytes),
  anchors: (bytes) => times("- &a x\n", bytes),
  "anchors of one value": (bytes) => times("&a ", bytes),
  aliases: (bytes) => `- &a x\n${times("- *a\n", bytes)}`,
  "dashes of one line": (bytes) => times("- ", bytes),
  "dashes of one line, then a shorter line": (bytes) => `${times("- ", Math.min(bytes, 50_000))}x\n- y\n`,
  "questions of one line": (bytes) => times("? ", bytes),
  "colons of one line": (bytes) => times("a: ", bytes),
  brackets: (bytes) => times("[", bytes),
  "brackets that close again": (bytes) => `[${times("[[[[[[]]]]]],", bytes)}]`,
  "lists as keys": (bytes) => `${"[".repeat(15)}${times("a,", bytes)}${"]: x]".repeat(15)}`,
  "pairs of a flow list": (bytes) => `[${times("a: b, ", bytes)}]`,
  "a staircase of keys": (bytes) => {
    let text = "";
    for (let depth = 0; text.length < bytes; depth += 1) text += `${" ".repeat(depth)}a:\n`;
    return text;
  },
  "explicit keys": (bytes) => `? a\n${"\n".repeat(bytes / 2)}${times(": ", bytes / 2)}`,
  "a plain value of many lines": (bytes) => `a: ${times("x\n ", bytes)}`,
  "spaces in a plain value": (bytes) => `a: x${times(`${" ".repeat(100)}\n `, bytes)}y`,
  "a single-quoted value of many lines": (bytes) => `a: '${times("''\n ", bytes)}'`,
  "single quotes": (bytes) => times("'", bytes),
  "a double-quoted value of many lines": (bytes) => `a: "${times("x\\\n ", bytes)}"`,
  "quotes that end too early": (bytes) => times('- "a\n', bytes),
  escapes: (bytes) => `a: "${times('\\"', bytes)}"`,
  backslashes: (bytes) => `a: "${times("\\\\", bytes)}"`,
  "a literal block": (bytes) => `a: |+\n${times(" \n  x\n", bytes)}`,
  "a folded block": (bytes) => `a: >\n${times("  x\n   y\n\n", bytes)}`,
  "a block's header": (bytes) => `a: |${times("1", bytes)}\n`,
  digits: (bytes) => `a: ${times("1", bytes / 2)}.${times("1", bytes / 2)}e`,
  "a long key": (bytes) => `${times("x", bytes)}: 1`,
  CRLF: (bytes) => times("a: b\r\n", bytes),
  tabs: (bytes) => times("a:\t\tb\n\t", bytes),
  "byte order marks": (bytes) => times("\ufeff", bytes / 3),
};

/** Processor time, because tests share the machine with others; the least of some tries, because compiling counts, too. */
function costOf(text: string, tries: number): { cost: number; faults: Faults } {
  let cost = Number.POSITIVE_INFINITY;
  let faults: Faults = [];
  for (let turn = 0; turn < tries; turn += 1) {
    const before = process.cpuUsage();
    ({ faults } = readManifests("x.yaml", text));
    cost = Math.min(cost, process.cpuUsage(before).user / 1000);
  }
  return { cost, faults };
}

type Faults = ReturnType<typeof readManifests>["faults"];

/** What reading each of the large texts said, where it was read before: each takes a while. */
const said = new Map<string, Faults>();

describe("reading takes time in proportion to the file's size:", () => {
  for (const [kind, make] of Object.entries(kinds)) {
    test(kind, (context) => {
      const { cost: small } = costOf(make(4 * 1024), 5);
      const { cost: large, faults } = costOf(make(256 * 1024), 1);
      said.set(kind, faults);
      context.diagnostic(`4 KiB: ${small.toFixed(1)} ms, 256 KiB: ${large.toFixed(1)} ms`);
      // 64 times as much: a cost that grows with the square would be 4,096 times as high.
      assert.ok(large < 192 * small + 500, `${small} ms, then ${large} ms`);
    });
  }
});

test("none of these texts throws or is told at length", () => {
  for (const [kind, make] of Object.entries(kinds)) {
    const faults = said.get(kind) ?? readManifests("x.yaml", make(256 * 1024)).faults;
    assert.ok(faults.length <= yamlLimits.faults + 1, kind);
    for (const { detail } of faults) assert.ok(detail.length < 400, `${kind}: ${detail.length} characters`);
  }
});

const manifest = (name: string, spec = "") => `---
apiVersion: drawbridge/v1
kind: Integration
metadata:
  tenant: acme
  name: ${name}
  labels: { owner: identity-team, team: data }
spec:
  blueprint: conductorone-s3
  parameters:
    bucket: acme-access-reports
    roleName: C1-${name}
    prefix: "reports/"
    list: [a, b, c]
    kmsKeyArn: arn:aws:kms:us-east-1:222222222222:key/1
    one: 1
    two: 2
    three: 3
  settings:
    drift: remediate
    paused: false
${spec}`;

test("a file of a thousand manifests of twenty keys is read, and so is one of a thousand commented lines", () => {
  const text = Array.from({ length: 1_000 }, (_, index) => manifest(`i${index}`)).join("");
  const commented = text.replaceAll(/^/gm, "# ");
  const { manifests, faults } = readManifests("x.yaml", `${commented}\n${text}`);
  assert.deepEqual(faults, []);
  assert.equal(manifests.length, 1_000);
  const last = manifests[999];
  assert.equal(last && manifestId(last.manifest), "Integration acme/i999");
  const lines = text.split("\n").length + commented.split("\n").length - 1;
  assert.equal(last?.positionOf("/spec/settings/paused").line, lines);
  assert.equal(last?.positionOf("/spec/settings/paused").column, 13);
});

/** `line:column detail` of each fault; no manifest may be left. */
const faultsOf = (text: string): string[] => {
  const { manifests, faults } = readManifests("x.yaml", text);
  assert.equal(manifests.length, 0);
  return faults.map(({ line, column, detail }) => `${line}:${column} ${detail}`);
};

test("a key given twice is found however it is written, and told with its place", () => {
  const twice: [string, string][] = [
    ["  bucket: 1\n  bucket: 2\n", "24:3"],
    ["  bucket: 1\n  'bucket': 2\n", "24:3"],
    ['  "bucket": 1\n  "\\u0062uck\\x65t": 2\n', "24:3"],
    ["  a: { b: 1, 'b': 2 }\n", "23:14"],
    ["  - { b: 1, ? b }\n", "23:"],
    ["  1: a\n  '1': b\n", "24:3"],
    ["  null: a\n  'null': b\n", "24:3"],
    ["  : a\n  '': b\n", "24:3"],
    ["  a:\n    - b:\n        c: 1\n        c: 2\n", "26:9"],
    ["  'it''s': 1\n  \"it's\": 2\n", "24:3"],
  ];
  for (const [more, place] of twice) {
    const faults = faultsOf(`${manifest("a")}extra:\n${more}`);
    assert.equal(faults.length, 1, more);
    assert.match(faults[0] ?? "", new RegExp(`^${place}\\d* The keys of a map must be unique`), more);
  }
  assert.equal(readManifests("x.yaml", manifest("a", "  x: [{ a: 1 }, { a: 2 }, a: 3, a: 4]\n")).manifests.length, 1, "of other maps");
});

test("a forbidden key is found however it is written", () => {
  for (const key of [
    "__proto__",
    "'__proto__'",
    '"\\u005f_proto__"',
    '"\\x5f\\x5fproto_\\U0000005f"',
    '"constr\\u0075ctor"',
    "? prototype\n  ",
  ])
    assert.match(faultsOf(manifest("a", `  ${key}: { admin: true }\n`)).join(), /is never accepted/, key);
});

test("an alias is written out, and one that can't be is a fault", () => {
  const spec = "  a: &a { b: [1, &c 2] }\n  d: *a\n  e: *c\n";
  const { manifests } = readManifests("x.yaml", manifest("a", spec));
  const read = manifests[0]?.manifest.spec;
  assert.deepEqual([read?.["d"], read?.["e"]], [{ b: [1, 2] }, 2]);
  const wrong: [string, RegExp][] = [
    ["  a: &a { b: *a }\n", /stands inside what it means/],
    ["  a: &a\n    - *a\n", /stands inside what it means/],
    ["  a: *nowhere\n", /no anchor for the alias "nowhere"/],
    ["  a: *later\n  b: &later 1\n", /no anchor/],
    [`  a: &a [1]\n  b: &b [*a, *a, *a, *a]\n  c: &c [*b, *b, *b, *b]\n  d: [*c, *c, *c]\n`, /more than 20 copies/],
    [`  a: &a "${"x".repeat(100_000)}"\n  b: [${"*a, ".repeat(19)}1]\n`, /written out are larger/],
    [`  a: &a ${"[".repeat(12)}${"]".repeat(12)}\n  b: ${"[".repeat(10)}*a${"]".repeat(10)}\n`, /deeper than 20/],
    [`  a: [${"&a 1, ".repeat(101)}]\n`, /More than 100 anchors/],
  ];
  for (const [more, reason] of wrong) assert.match(faultsOf(manifest("a", more)).join(), reason, more.slice(0, 60));
});

test("twenty levels are read, and one more isn't", () => {
  const flow = (levels: number) => `${"[".repeat(levels)}1${"]".repeat(levels)}`;
  const block = (levels: number) => Array.from({ length: levels }, (_, depth) => `\n${" ".repeat(depth)}a:`).join("");
  for (const make of [flow, block, (levels: number) => "- ".repeat(levels), (levels: number) => `${"- ".repeat(levels - 1)}a: 1`]) {
    assert.deepEqual(readYaml(make(20)).faults, []);
    assert.match(readYaml(make(21)).faults[0]?.detail ?? "", /deeper than 20/);
  }
});

test("each limit is what it says", () => {
  const { documents, documentTokens, tokens, blanks, anchors, aliases } = yamlLimits;
  /** A list has its two brackets, and a value and a comma for each item. */
  const list = (signs: number) => `--- [${"1,".repeat(signs / 2 - 1)}]\n`;
  const edges: [string, number, string, string][] = [
    ["documents", documents, "--- 1\n".repeat(documents), "--- 1\n"],
    ["keys, values and signs in a document", documentTokens, list(documentTokens), "1"],
    ["keys, values and signs in a file", tokens, list(documentTokens).repeat(tokens / documentTokens), "--- 1"],
    ["spaces and ends of lines in a row", blanks, `a: 1\n# b${"\n".repeat(blanks)}`, "\n"],
    ["anchors", anchors, "- &a 1\n".repeat(anchors), "- &a 1"],
    ["aliases", aliases, `- &a 1\n${"- *a\n".repeat(aliases)}`, "- *a"],
  ];
  for (const [what, limit, within, more] of edges) {
    assert.deepEqual(readYaml(within).faults, [], what);
    const [fault] = readYaml(within + more).faults;
    assert.ok(fault?.detail.startsWith(`More than ${limit} ${what}`), `${what}: ${fault?.detail}`);
  }
});

test("of many faults the first are told, and that there are more", () => {
  const faults = faultsOf(
    `kind: Tenant\napiVersion: drawbridge/v1\nspec: {}\nmetadata:\n${numbered(20_000, (index) => `  k${index}: 1\n`)}`,
  );
  assert.equal(faults.length, yamlLimits.faults + 1);
  assert.match(faults.at(-1) ?? "", /There are more faults/);
  const many = faultsOf(times("--- { kind: Castle }\n", 4_000));
  assert.equal(many.length, yamlLimits.faults + 1);
});

test("control characters and numbers that JSON doesn't have are faults", () => {
  for (const code of [0x00, 0x02, 0x07, 0x18, 0x1b, 0x1f])
    assert.match(faultsOf(manifest("a", `  x: "${String.fromCharCode(code)}"\n`)).join(), /^22:7 The character U\+00/);
  for (const number of [".inf", "-.INF", ".nan", "1e999", "1".repeat(400)])
    assert.match(faultsOf(manifest("a", `  x: ${number}\n`)).join(), /^22:6 This number/, number);
});
