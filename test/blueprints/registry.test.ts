import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { blueprints, findBlueprint } from "../../src/blueprints/registry.ts";
import { fixtureFolder } from "./fixture.ts";

const folder = path.join(import.meta.dirname, "../../src/blueprints");
const vendorFiles = readdirSync(folder).filter(
  (file) => file.endsWith(".ts") && /= defineBlueprint[<(]/.test(readFileSync(path.join(folder, file), "utf8")),
);

test("the registry has exactly the blueprints that have a file, each under its file's name", () => {
  assert.deepEqual(blueprints.map(({ id }) => `${id}.ts`).sort(), vendorFiles.sort());
});

test("every blueprint has a test and a folder of fixtures", () => {
  for (const { id, vendor } of blueprints) {
    assert.ok(existsSync(path.join(import.meta.dirname, `${id}.test.ts`)), id);
    assert.ok(existsSync(fixtureFolder(vendor)), vendor);
  }
});

test("every blueprint says what it is, and where that comes from", () => {
  for (const { id, version, title, source, access, differences, handOffFields } of blueprints) {
    assert.match(version, /^\d+\.\d+\.\d+$/, id);
    assert.match(source.date, /^\d{4}-\d{2}-\d{2}$/, id);
    assert.ok(title && source.document && access.length > 0 && handOffFields.length > 0, id);
    assert.ok(
      differences.every(({ guide, here, why }) => guide && here && why),
      id,
    );
  }
});

test("a blueprint is found by its id, at its version or at none", () => {
  const [first] = blueprints;
  assert.ok(first);
  assert.equal(findBlueprint(first.id), first);
  assert.equal(findBlueprint(first.id, first.version), first);
  assert.equal(findBlueprint(first.id, "0.0.0"), undefined);
  assert.equal(findBlueprint("no-such-vendor"), undefined);
});
