import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { Operation } from "../../src/model/operation.ts";
import { drawbridge } from "../cli/support.ts";
import { startWorld, type World } from "../support/world.ts";

const examples = path.resolve(import.meta.dirname, "../../examples/gitops/acme");

describe("a new user applies a folder of manifests", { concurrency: false }, () => {
  let world: World;
  let folder: string;
  const run = (...args: string[]) =>
    drawbridge(args, { env: { DRAWBRIDGE_URL: world.service.url, DRAWBRIDGE_TOKEN: world.service.token } });
  const source = ["--repository", "https://git.example/acme/access", "--revision", "abc"];
  const edit = async (file: string, change: (text: string) => string) =>
    writeFile(path.join(folder, file), change(await readFile(path.join(folder, file), "utf8")));

  before(async () => {
    world = await startWorld();
    folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-manifests-"));
    await cp(examples, folder, { recursive: true });
  });
  after(async () => {
    await world?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("diff says what would be added and ends with 3; nothing is there", async () => {
    const { exit, out, err } = await run("diff", "-f", folder, ...source);
    assert.equal(exit, 3, err);
    assert.match(out, /added +Integration +acme\/c1\b/);
    assert.match(out, /Would be: 3 added/);
    assert.equal((await world.api.call("GET", "/v1/tenants/acme")).status, 404);
  });

  test("apply registers the tenant; what its account can't give yet fails by name, and the same apply again finishes it", async () => {
    const first = await run("apply", "-f", folder, ...source);
    assert.equal(first.exit, 1, first.out);
    assert.match(first.out, /acme\/c1/);
    const described = await run("describe", "acme", "-o", "json");
    await world.sandbox.trustProvisioner(JSON.parse(described.out).provisioning.externalId, "tenant");
    const second = await run("apply", "-f", folder, ...source);
    assert.equal(second.exit, 0, second.out + second.err);
    assert.match(second.out, /changed +Integration +acme\/c1 /);
    const listed = await run("get", "integrations", "-t", "acme");
    assert.match(listed.out, /acme\/c1-archive +conductorone-s3 1\.\d\.\d +awaiting-external-id +green/);
  });

  test("the same apply again changes nothing, and diff ends with 0", async () => {
    const { exit, out } = await run("apply", "-f", folder, ...source);
    assert.equal(exit, 0, out);
    assert.match(out, /^3 unchanged$/m);
    assert.equal((await run("diff", "-f", folder, ...source)).exit, 0);
  });

  test("one change among them runs alone", async () => {
    await edit("integrations.yaml", (text) => text.replace("drift: observe", "drift: remediate"));
    const { exit, out } = await run("apply", "-f", folder, ...source, "-o", "json");
    assert.equal(exit, 0, out);
    const [operation] = (await world.api.call<{ items: Operation[] }>("GET", "/v1/operations?kind=reconcile&limit=1")).body.items;
    assert.equal(operation?.children?.length, 1);
  });

  test("an edit by hand of what the repository owns is refused", async () => {
    const { exit, err } = await run("destroy", "acme/c1", "--yes");
    assert.equal(exit, 1);
    assert.match(err, /managed_by_source/);
  });

  test("a refused manifest is shown with its place in the file", async () => {
    await edit("tenant.yaml", (text) => text.replace("us-east-1", "nowhere"));
    const { exit, out } = await run("apply", "-f", folder, ...source);
    assert.equal(exit, 1);
    assert.match(out, /tenant\.yaml:8:11: acme: spec\/region: An AWS region/);
    await edit("tenant.yaml", (text) => text.replace("nowhere", "us-east-1"));
  });

  test("a manifest that is gone is kept, and with --prune destroyed", async () => {
    await edit("integrations.yaml", (text) => text.split("---")[0] ?? "");
    assert.match((await run("apply", "-f", folder, ...source)).out, /kept +Integration +acme\/c1-archive/);
    const { exit, out } = await run("apply", "-f", folder, ...source, "--prune", "--max-deletes", "0");
    assert.equal(exit, 4, out);
    const pruned = await run("apply", "-f", folder, ...source, "--prune", "--max-deletes", "1");
    assert.equal(pruned.exit, 0, pruned.out + pruned.err);
    assert.match(pruned.out, /pruned +Integration +acme\/c1-archive/);
    const listed = await run("get", "integrations", "-t", "acme", "-o", "json");
    assert.deepEqual(
      JSON.parse(listed.out).map((one: { name: string }) => one.name),
      ["c1"],
    );
  });
});
