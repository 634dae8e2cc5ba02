import assert from "node:assert/strict";
import { test } from "node:test";
import { readManifests } from "../../src/gitops/manifests.ts";
import { manifestId } from "../../src/model/manifest.ts";

const tenant = `apiVersion: drawbridge/v1
kind: Tenant
metadata:
  name: acme
spec:
  accountId: "222222222222"
`;
const integration = `apiVersion: drawbridge/v1
kind: Integration
metadata: { tenant: acme, name: c1, labels: { team: data } }
spec:
  blueprint: conductorone-s3
  parameters:
    bucket: data
`;

test("one file holds several documents, and each knows where it stands", () => {
  const { manifests, faults } = readManifests("acme.yaml", `# all of acme\n${tenant}---\n${integration}---\n`);
  assert.deepEqual(faults, []);
  assert.deepEqual(
    manifests.map(({ manifest }) => manifestId(manifest)),
    ["Tenant acme", "Integration acme/c1"],
  );
  assert.deepEqual(manifests[1]?.positionOf(), { file: "acme.yaml", line: 9, column: 1 });
  assert.deepEqual(manifests[1]?.positionOf("/spec/parameters/bucket"), { file: "acme.yaml", line: 15, column: 13 });
  assert.deepEqual(
    manifests[1]?.positionOf("/spec/parameters/nothing"),
    { file: "acme.yaml", line: 15, column: 5 },
    "the nearest thing around",
  );
});

test("JSON is read by the same rules", () => {
  const { manifests, faults } = readManifests(
    "c1.json",
    JSON.stringify({ apiVersion: "drawbridge/v1", kind: "Tenant", metadata: { name: "a" }, spec: {} }),
  );
  assert.deepEqual(faults, []);
  assert.equal(manifests.length, 1);
});

test("a fault names file, line, column and field", () => {
  const { manifests, faults } = readManifests("x.yaml", tenant.replace("name: acme", "name: Acme_1\n  colour: red"));
  assert.equal(manifests.length, 0);
  const seen = faults.map(({ file, line, column, detail }) => `${file}:${line}:${column} ${detail}`);
  assert.ok(
    seen.some((one) => /^x\.yaml:4:9 metadata\.name: A name has/.test(one)),
    seen.join("\n"),
  );
  assert.ok(
    seen.some((one) => /^x\.yaml:5:\d+ metadata\.colour: There is no such field/.test(one)),
    seen.join("\n"),
  );
});

test("one faulty document doesn't stop the others of its file", () => {
  const { manifests, faults } = readManifests("x.yaml", `${tenant}---\nkind: Castle\n---\n${integration}`);
  assert.equal(manifests.length, 2);
  assert.match(faults[0]?.detail ?? "", /kind is Tenant or Integration/);
  assert.equal(faults[0]?.line, 8);
});

test("broken grammar gives no manifest at all, because nobody knows what the rest meant", () => {
  const { manifests, faults } = readManifests("x.yaml", `${tenant}---\na: [1, 2\nb: }\n`);
  assert.equal(manifests.length, 0);
  assert.match(faults[0]?.detail ?? "", /Not valid YAML/);
});

const wrapped = (spec: string) => `apiVersion: drawbridge/v1\nkind: Tenant\nmetadata: { name: a }\nspec:\n${spec}\n`;
const hostile: [string, string, RegExp][] = [
  ["a tag", wrapped("  x: !!js/function 'alert(1)'"), /Tags such as/],
  ["a local tag on a list", wrapped("  x: !ref [1]"), /Tags such as/],
  ["a tag on the document", `!!map\n${wrapped("  x: 1")}`, /Tags such as/],
  ["a directive", `%YAML 1.1\n---\n${wrapped("  x: 1")}`, /directive/],
  ["a key given twice", wrapped("  x: 1\n  x: 2"), /unique/],
  ["__proto__ as a key", wrapped("  __proto__: { admin: true }"), /never accepted/],
  ["a quoted constructor as a key", wrapped('  "constructor": 1'), /never accepted/],
  ["deep flow nesting", wrapped(`  x: ${"[".repeat(400_000)}${"]".repeat(400_000)}`), /deeper than 20/],
  ["deep compact nesting", wrapped(`  x:\n    ${"- ".repeat(400_000)}1`), /deeper than 20/],
  [
    "a bomb of aliases",
    wrapped(`  a: &a [x,x,x,x,x,x,x,x,x]\n  b: &b [*a,*a,*a,*a]\n  c: &c [*b,*b,*b,*b]\n  d: &d [*c,*c,*c,*c]\n  e: [*d,*d,*d,*d]`),
    /aliases/,
  ],
  ["more aliases than allowed", wrapped(`  a: &a 1\n  b: [${"*a,".repeat(30)}1]`), /More than 20 aliases/],
  ["a key that is a list", wrapped("  ? [1, 2]\n  : x"), /string|key/i],
  ["a NUL", wrapped('  x: "a\\0b"'), /NUL/],
  ["half of a surrogate pair", wrapped('  x: "\\ud800"'), /surrogate|Not valid/],
  ["a file beyond the limit", wrapped(`  x: "${"y".repeat(1024 * 1024)}"`), /larger than/],
];
for (const [what, text, reason] of hostile) {
  test(`${what} is refused quickly`, () => {
    const began = performance.now();
    const { manifests, faults } = readManifests("x.yaml", text);
    assert.ok(performance.now() - began < 250, `${Math.round(performance.now() - began)} ms`);
    assert.equal(manifests.length, 0);
    assert.match(faults.map((fault) => fault.detail).join("; "), reason);
    assert.equal(({} as Record<string, unknown>)["admin"], undefined);
  });
}
