import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { knownTypes, typeOf } from "../../sandbox/stand-in/types/registry.ts";

const programs = path.join(import.meta.dirname, "../../programs");

test("the stand-in knows every type that a program uses", async () => {
  const files = (await readdir(programs)).filter((name) => name.endsWith(".ts"));
  const sources = await Promise.all(files.map((name) => readFile(path.join(programs, name), "utf8")));
  const used = sources.flatMap((source) => [...source.matchAll(/import \{ (\w+) \} from "@pulumi\/aws\/(\w+)\/(\w+)\.js"/g)]);
  assert.ok(used.length >= 5);
  for (const [, type, module, file] of used) assert.ok(knownTypes.includes(`aws:${module}/${file}:${type}`), `${module}.${type}`);
});

test("each type's table agrees with the SDK's declarations: inputs, required ones, and what AWS computes", async () => {
  const require = createRequire(import.meta.url);
  for (const token of knownTypes) {
    const type = await typeOf(token);
    assert.equal(type.token, token);
    const [, module] = token.split(":");
    const sdk = await readFile(require.resolve(`@pulumi/aws/${module}.js`), "utf8");
    const inputs = new Set([...sdk.matchAll(/resourceInputs\["(\w+)"\] = (?:pulumi\.secret\()?args\?\.\w+/g)].map(([, name]) => name));
    const required = [...sdk.matchAll(/Missing required property '(\w+)'/g)].map(([, name]) => name);
    const stored = new Set([...sdk.matchAll(/resourceInputs\["(\w+)"\] = state\?\.\w+/g)].map(([, name]) => name));
    for (const [name, rule] of Object.entries(type.inputs)) {
      assert.ok(inputs.has(name), `${token} has no input ${name}`);
      assert.equal(rule.required === true, required.includes(name), `${token} ${name} required`);
    }
    for (const name of type.outputs) assert.ok(stored.has(name), `${token} has no property ${name}`);
    assert.equal(type.regional === true, inputs.has("region"), `${token} region`);
    assert.equal(type.tagged === true, stored.has("tagsAll"), `${token} tagsAll`);
  }
});

test("a type that no program uses is refused by name", async () => {
  await assert.rejects(typeOf("aws:s3/bucket:Bucket"), /doesn't know the type aws:s3\/bucket:Bucket/);
});
