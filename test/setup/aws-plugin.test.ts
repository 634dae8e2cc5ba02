import assert from "node:assert/strict";
import { chmod, lstat, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { awsPluginFolder, awsPluginVersion, ensureAwsPlugin, ensureSandboxPlugin, installedAwsPlugin } from "../../setup/aws-plugin.ts";
import type { Run } from "../../setup/step.ts";

const before = { cache: process.env["XDG_CACHE_HOME"], home: process.env["HOME"] };
let folder: string;
let said: string[];
const log = (line: string) => said.push(line);
const request = () => ({ pulumiHome: path.join(folder, "home"), cliRoot: "/cli", log, standIn: "/it's/main.ts" });

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-plugin-"));
  said = [];
  process.env["XDG_CACHE_HOME"] = path.join(folder, "cache");
  process.env["HOME"] = path.join(folder, "user");
});

afterEach(async () => {
  for (const [name, value] of [
    ["XDG_CACHE_HOME", before.cache],
    ["HOME", before.home],
  ] as const) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await rm(folder, { recursive: true, force: true });
});

/** A CLI that downloads a plugin, or can't; counts how often it is asked. */
const cli = (canDownload: boolean) => {
  const asked: string[][] = [];
  const run: Run = async (_command, args, options) => {
    asked.push([...args]);
    if (!canDownload) return { code: 255, stdout: "", stderr: "no such host" };
    const binary = path.join(awsPluginFolder(options?.env?.["PULUMI_HOME"] ?? ""), "pulumi-resource-aws");
    await mkdir(path.dirname(binary), { recursive: true });
    await writeFile(binary, "");
    await chmod(binary, 0o755);
    return { code: 0, stdout: "", stderr: "" };
  };
  return { run, asked };
};

describe("the AWS plugin", () => {
  test("its version is that of @pulumi/aws, and the CLI is asked for exactly that", async () => {
    const { run, asked } = cli(true);
    assert.deepEqual(await ensureAwsPlugin({ ...request(), run }), { plugin: "official", version: awsPluginVersion() });
    assert.deepEqual(asked, [["plugin", "install", "resource", "aws", `v${awsPluginVersion()}`]]);
    await ensureAwsPlugin({ ...request(), run });
    assert.equal(asked.length, 1);
  });

  test("where it can't be downloaded the message says where it would have to be", async () => {
    await assert.rejects(
      ensureAwsPlugin({ ...request(), run: cli(false).run }),
      /can't be downloaded here\. Run this where it can, or unpack its release into .*resource-aws-v/,
    );
  });
});

describe("a sandbox's plugin", () => {
  test("is a link to the official one where that can be had, fetched once for all sandboxes", async () => {
    const { run, asked } = cli(true);
    assert.equal((await ensureSandboxPlugin({ ...request(), run })).plugin, "official");
    assert.equal((await ensureSandboxPlugin({ ...request(), pulumiHome: path.join(folder, "other"), run })).plugin, "official");
    assert.equal(asked.length, 1);
    assert.equal(
      await realpath(path.join(awsPluginFolder(path.join(folder, "home")), "pulumi-resource-aws")),
      await realpath(path.join(awsPluginFolder(path.join(folder, "cache/drawbridge/pulumi-home")), "pulumi-resource-aws")),
    );
    assert.ok((await lstat(awsPluginFolder(path.join(folder, "home")))).isDirectory(), "the CLI passes over a link");
    assert.deepEqual(await installedAwsPlugin(path.join(folder, "home")), { plugin: "official", version: awsPluginVersion() });
  });

  test("is the stand-in where it can't, with a plain sentence, and the download isn't tried again at once", async () => {
    const { run, asked } = cli(false);
    assert.deepEqual(await ensureSandboxPlugin({ ...request(), run }), { plugin: "stand-in", version: awsPluginVersion() });
    await ensureSandboxPlugin({ ...request(), run });
    assert.equal(asked.length, 1);
    assert.match(said.join("\n"), /A stand-in does the work of the AWS plugin .* real AWS accounts need the official one/);
    assert.deepEqual(await installedAwsPlugin(path.join(folder, "home")), { plugin: "stand-in", version: awsPluginVersion() });
    assert.equal(await installedAwsPlugin(path.join(folder, "cache/drawbridge/pulumi-home")), undefined);
  });

  test("the stand-in runs on this very Node, whatever its path holds", async () => {
    await ensureSandboxPlugin({ ...request(), run: cli(false).run });
    const launcher = await readFile(path.join(awsPluginFolder(path.join(folder, "home")), "pulumi-resource-aws"), "utf8");
    assert.ok(launcher.includes(`exec '${process.execPath}' '/it'\\''s/main.ts' "$@"`), launcher);
  });

  test("asked for only the stand-in, the official one isn't looked for", async () => {
    const { run, asked } = cli(true);
    assert.equal((await ensureSandboxPlugin({ ...request(), run, onlyStandIn: true })).plugin, "stand-in");
    assert.deepEqual(asked, []);
  });
});
