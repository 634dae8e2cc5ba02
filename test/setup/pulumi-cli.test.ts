import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  buildFromModules,
  type CliCandidate,
  type CliSources,
  chooseCli,
  cliVersion,
  ensurePulumiCli,
  isAcceptable,
  readVersion,
} from "../../setup/pulumi-cli.ts";
import type { Ran, Run } from "../../setup/step.ts";

const ran = (stdout = "", code = 0, stderr = ""): Ran => ({ code, stdout, stderr });

describe("which CLI is taken", () => {
  test("a version is read out of what the CLI prints", () => {
    assert.equal(readVersion("v3.258.0\n"), "3.258.0");
    assert.equal(readVersion("3.260.1-dev"), "3.260.1-dev");
    assert.equal(readVersion("command not found"), undefined);
  });

  test("versions from 3.256 up and below 4 are acceptable, no others", () => {
    fc.assert(
      fc.property(fc.nat(5), fc.nat(400), fc.nat(20), (major, minor, patch) => {
        assert.equal(isAcceptable(`${major}.${minor}.${patch}`), major === 3 && minor >= 256);
      }),
    );
  });

  test("the first acceptable one wins: the configured root, then PATH, then the cache", () => {
    const candidates: CliCandidate[] = [
      { place: "PULUMI_CLI_ROOT", root: "/configured", version: "3.255.9" },
      { place: "PATH", root: "/path" },
      { place: "cache", root: "/cache", version: "3.258.0" },
    ];
    assert.deepEqual(chooseCli(candidates), { root: "/cache", version: "3.258.0" });
    assert.deepEqual(chooseCli([{ place: "PULUMI_CLI_ROOT", root: "/configured", version: "3.300.0" }, ...candidates]), {
      root: "/configured",
      version: "3.300.0",
    });
    assert.equal(chooseCli([{ place: "PATH", root: "/path", version: "4.0.0" }]), undefined);
  });
});

describe("getting a CLI", () => {
  const sources = (over: Partial<CliSources>, calls: string[]): CliSources => ({
    candidates: async () => [],
    install: async (root) => {
      calls.push("install");
      return { root, version: cliVersion };
    },
    build: async (root) => {
      calls.push("build");
      return { root, version: cliVersion };
    },
    ...over,
  });

  test("one that is there is used, and nothing is fetched", async () => {
    const calls: string[] = [];
    const found = sources({ candidates: async () => [{ place: "PATH", root: "/path", version: "3.270.0" }] }, calls);
    assert.deepEqual(await ensurePulumiCli({ log: () => undefined, sources: found }), { root: "/path", version: "3.270.0" });
    assert.deepEqual(calls, []);
  });

  test("without one the installer comes first, and one that is too old is named", async () => {
    const [calls, said]: [string[], string[]] = [[], []];
    const old = sources({ candidates: async () => [{ place: "PATH", root: "/path", version: "3.100.0" }] }, calls);
    await ensurePulumiCli({ log: (line) => said.push(line), sources: old });
    assert.deepEqual(calls, ["install"]);
    assert.match(said.join("\n"), /3\.100\.0 of PATH is not used: it must be at least 3\.256 and below 4/);
    assert.match(said.join("\n"), /download: done in \d+\.\d s/);
  });

  test("where nothing can be downloaded it is built", async () => {
    const [calls, said]: [string[], string[]] = [[], []];
    const sealed = sources({ install: () => Promise.reject(new Error("no such host")) }, calls);
    const cli = await ensurePulumiCli({ log: (line) => said.push(line), sources: sealed });
    assert.deepEqual(calls, ["build"]);
    assert.equal(cli.version, cliVersion);
    assert.match(said.join("\n"), /can't be downloaded here, so it is built/);
  });
});

describe("the build from Go modules", () => {
  const inFolder = async (work: (root: string) => Promise<void>) => {
    const root = await mkdtemp(path.join(os.tmpdir(), "drawbridge-cli-"));
    try {
      await work(root);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  };

  test("a finished build appears under its name, with the version set for the linker and without cgo", () =>
    inFolder(async (root) => {
      const builds: { args: readonly string[]; env: NodeJS.ProcessEnv | undefined }[] = [];
      const go: Run = async (_command, args, options) => {
        if (args[0] === "version") return ran("go version go1.26.8 linux/amd64");
        builds.push({ args, env: options?.env });
        await writeFile(args[args.indexOf("-o") + 1] ?? "", "binary");
        return ran();
      };
      assert.deepEqual(await buildFromModules(root, () => undefined, go), { root, version: cliVersion });
      assert.deepEqual(await readdir(path.join(root, "bin")), ["pulumi"]);
      assert.ok(builds[0]?.args.some((arg) => arg.includes(`version.Version=v${cliVersion}`)));
      assert.equal(builds[0]?.env?.["CGO_ENABLED"], "0");
    }));

  test("a build that fails leaves nothing and says what the compiler said", () =>
    inFolder(async (root) => {
      const go: Run = async (_command, args) => {
        if (args[0] === "version") return ran("go version go1.25.1 linux/amd64");
        await mkdir(path.join(root, "bin"), { recursive: true });
        await writeFile(args[args.indexOf("-o") + 1] ?? "", "half");
        return ran("", 1, "disk is full");
      };
      await assert.rejects(
        buildFromModules(root, () => undefined, go),
        /disk is full/,
      );
      assert.deepEqual(await readdir(path.join(root, "bin")), []);
    }));

  test("a missing or old Go is answered with what to install", async () => {
    const sentence = /install Go 1\.25 or newer \(https:\/\/go\.dev\/dl\/\)/;
    await assert.rejects(
      buildFromModules(
        "/nowhere",
        () => undefined,
        async () => ran("", 127, "spawn go ENOENT"),
      ),
      sentence,
    );
    await assert.rejects(
      buildFromModules(
        "/nowhere",
        () => undefined,
        async () => ran("go version go1.18.1 linux/amd64"),
      ),
      sentence,
    );
  });
});
