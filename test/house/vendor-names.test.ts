import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { blueprints } from "../../src/blueprints/registry.ts";

const root = path.join(import.meta.dirname, "..", "..");

/** The vendor's id, and as people write it: `creative-force`, `CreativeForce`, `creative force`. */
function spellings(vendor: string): RegExp {
  return new RegExp(`\\b${vendor.replaceAll("-", "[- ]?")}`, "i");
}

test("a vendor's name appears in its own files and the registry, and nowhere else in what ships", async () => {
  const vendors = [...new Set(blueprints.map(({ vendor }) => vendor))].filter((vendor) => vendor !== "custom");
  assert.ok(vendors.length > 0);
  const found: string[] = [];
  for await (const file of glob("{src,stacks,programs}/**/*.ts", { cwd: root })) {
    if (file === "src/blueprints/registry.ts") continue;
    const text = await readFile(path.join(root, file), "utf8");
    for (const vendor of vendors) {
      const isItsOwn = file.startsWith(`src/blueprints/${vendor}-`);
      if (!isItsOwn && spellings(vendor).test(text)) found.push(`${file}: ${vendor}`);
    }
  }
  assert.deepEqual(found, []);
});
