import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { awsPluginVersion, identifyPlugin, isLoopback } from "../../../src/engine/installed/plugin.ts";
import { problemOf } from "../../../src/problem.ts";

async function pulumiHome(t: TestContext, mark?: string): Promise<string> {
  const home = await mkdtemp(path.join(tmpdir(), "plugin-"));
  t.after(() => rm(home, { recursive: true }));
  const folder = path.join(home, "plugins", `resource-aws-v${awsPluginVersion()}`);
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, "pulumi-resource-aws"), "");
  if (mark) await writeFile(path.join(folder, "stand-in.json"), mark);
  return home;
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "no problem",
    (error: unknown) => problemOf(error).code,
  );

test("only this host is loopback", () => {
  for (const url of ["http://127.0.0.1:1", "http://127.9.9.9", "http://localhost:1", "http://x.localhost", "http://[::1]:1"])
    assert.ok(isLoopback(url), url);
  for (const url of [
    "http://10.0.0.1",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "https://iam.amazonaws.com",
    "127.0.0.1",
    "",
  ])
    assert.ok(!isLoopback(url), url);
});

test("a missing plugin is refused with its own code", async (t) => {
  const home = await mkdtemp(path.join(tmpdir(), "plugin-"));
  t.after(() => rm(home, { recursive: true }));
  assert.equal(await codeOf(identifyPlugin(home, [])), "plugin_refused");
});

test("the official plugin works anywhere", async (t) => {
  assert.deepEqual(await identifyPlugin(await pulumiHome(t), [undefined]), { plugin: "official", version: awsPluginVersion() });
});

test("the stand-in is refused when any endpoint isn't loopback, AWS itself included", async (t) => {
  const home = await pulumiHome(t, '{"plugin":"stand-in","version":"7.48.0"}');
  const local = "http://127.0.0.1:4566";
  assert.equal((await identifyPlugin(home, [local, local])).plugin, "stand-in");
  assert.equal(await codeOf(identifyPlugin(home, [local, undefined])), "plugin_refused");
  assert.equal(await codeOf(identifyPlugin(home, [local, "https://s3.amazonaws.com"])), "plugin_refused");
});
