import { access, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { cacheFolder, complaint, type Ran, type Run, run, type Say, step } from "./step.ts";

/** The version that set-up installs or builds; any `>=3.256 <4` that is already there is accepted. */
export const cliVersion = "3.258.0";
const oldest = { major: 3, minor: 256 };

/** Where a CLI is (`<root>/bin/pulumi`, the Automation API's shape) and what it calls itself. */
export interface PulumiCli {
  root: string;
  version: string;
}

/** A place that may hold a CLI, in the order in which set-up asks, with the version found there. */
export interface CliCandidate {
  place: "PULUMI_CLI_ROOT" | "PATH" | "cache";
  root: string;
  /** as `pulumi version` prints it; absent when there is no working CLI there */
  version?: string;
}

/** `3.258.0` out of what `pulumi version` prints (`v3.258.0`, perhaps with a suffix and a newline); undefined when it prints no version. */
export function readVersion(printed: string): string | undefined {
  return /^v?(\d+\.\d+\.\d+\S*)/.exec(printed.trim())?.[1];
}

/** Whether a CLI of this version can be used: at least 3.256 and below 4. */
export function isAcceptable(version: string): boolean {
  const [major, minor] = version.split(".").map(Number);
  return major === oldest.major && (minor ?? 0) >= oldest.minor;
}

/** The first candidate with an acceptable version, or undefined: then one must be fetched or built. */
export function chooseCli(candidates: readonly CliCandidate[]): PulumiCli | undefined {
  for (const { root, version } of candidates) {
    if (version !== undefined && isAcceptable(version)) return { root, version };
  }
  return undefined;
}

/** The ways to get a CLI that isn't there yet; faked in tests. */
export interface CliSources {
  candidates(): Promise<CliCandidate[]>;
  /** the Automation API's installer, which downloads */
  install(root: string): Promise<PulumiCli>;
  /** from Go modules */
  build(root: string): Promise<PulumiCli>;
}

/**
 * Finds a Pulumi CLI or gets one: `PULUMI_CLI_ROOT`, PATH, the user's cache, the Automation API's own installer, a build
 * from its Go modules. The last two put it into the cache folder. Throws an Error whose message says what to install.
 */
export async function ensurePulumiCli({ log, sources = realSources(log) }: { log: Say; sources?: CliSources }): Promise<PulumiCli> {
  const candidates = await sources.candidates();
  const found = chooseCli(candidates);
  if (found) {
    log(`Pulumi CLI ${found.version}: found in ${found.root}`);
    return found;
  }
  for (const { place, version } of candidates) {
    if (version) log(`Pulumi CLI ${version} of ${place} is not used: it must be at least ${oldest.major}.${oldest.minor} and below 4.`);
  }
  const root = cacheFolder("pulumi-cli", cliVersion);
  try {
    return await step(log, `Pulumi CLI ${cliVersion}: download`, () => sources.install(root));
  } catch {
    log("The Pulumi CLI can't be downloaded here, so it is built from its Go modules: 5 to 12 minutes, once.");
  }
  return await step(log, `Pulumi CLI ${cliVersion}: build`, () => sources.build(root));
}

function realSources(log: Say): CliSources {
  return {
    candidates: findCandidates,
    install: installBySdk,
    build: (root) => buildFromModules(root, log),
  };
}

async function findCandidates(): Promise<CliCandidate[]> {
  const configured = process.env["PULUMI_CLI_ROOT"];
  const onPath = await findOnPath();
  const places: CliCandidate[] = [
    ...(configured ? [{ place: "PULUMI_CLI_ROOT", root: configured } as const] : []),
    ...(onPath ? [{ place: "PATH", root: onPath } as const] : []),
    { place: "cache", root: cacheFolder("pulumi-cli", cliVersion) },
  ];
  for (const candidate of places) {
    const version = await versionAt(candidate.root);
    if (version === undefined) continue;
    candidate.version = version;
    if (isAcceptable(version)) break; // asking costs half a second each
  }
  return places;
}

/** The root of the `pulumi` on PATH. Only `<root>/bin/pulumi` counts: that is the shape the Automation API takes. */
async function findOnPath(): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(path.delimiter)) {
    if (path.basename(folder) !== "bin") continue;
    const isThere = await access(path.join(folder, "pulumi")).then(
      () => true,
      () => false,
    );
    if (isThere) return path.dirname(folder);
  }
  return undefined;
}

const quiet = (): NodeJS.ProcessEnv => ({ ...process.env, PULUMI_SKIP_UPDATE_CHECK: "1" });

async function versionAt(root: string): Promise<string | undefined> {
  const ran = await run(path.join(root, "bin", "pulumi"), ["version"], { env: quiet(), limitSeconds: 20 });
  return ran.code === 0 ? readVersion(ran.stdout) : undefined;
}

/** The Automation API's installer runs the vendor's script from its site; the limit makes a sealed network fail soon. */
async function installBySdk(root: string): Promise<PulumiCli> {
  const script = `
    import { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
    import semver from "semver";
    await PulumiCommand.install({ root: process.argv[1], version: new semver.SemVer("${cliVersion}") });`;
  const ran = await run(process.execPath, ["--input-type=module", "--eval", script, root], {
    cwd: import.meta.dirname,
    env: quiet(),
    limitSeconds: 120,
  });
  const version = ran.code === 0 ? await versionAt(root) : undefined;
  if (version === undefined) throw new Error(`The installer of the Pulumi CLI failed.\n${complaint(ran)}`);
  return { root, version };
}

/** Builds to a name of its own and renames, so that an interrupted build leaves nothing that looks finished. */
export async function buildFromModules(root: string, log: Say, runWith: Run = run): Promise<PulumiCli> {
  await needGo(runWith);
  const bin = path.join(root, "bin");
  await mkdir(bin, { recursive: true });
  const unfinished = path.join(bin, `.pulumi-${process.pid}`);
  const started = performance.now();
  const progress = setInterval(() => log(`still building the Pulumi CLI (${Math.round((performance.now() - started) / 1000)} s)`), 30_000);
  try {
    const ran = await goBuild(unfinished, runWith);
    if (ran.code !== 0) throw new Error(`The build of the Pulumi CLI failed.\n${complaint(ran)}`);
    await rename(unfinished, path.join(bin, "pulumi"));
    return { root, version: cliVersion };
  } finally {
    clearInterval(progress);
    await rm(unfinished, { force: true });
  }
}

async function needGo(runWith: Run): Promise<void> {
  const ran = await runWith("go", ["version"], { limitSeconds: 20 });
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(ran.stdout) ?? [];
  if (ran.code === 0 && Number(major) === 1 && Number(minor) >= 21) return; // from 1.21 on Go fetches the toolchain that go.mod names
  throw new Error(
    `Drawbridge needs the Pulumi CLI. Install it (https://www.pulumi.com/docs/install/, version ${cliVersion}) and set PULUMI_CLI_ROOT to its folder, or install Go 1.25 or newer (https://go.dev/dl/) and run this again.`,
  );
}

function goBuild(output: string, runWith: Run): Promise<Ran> {
  const linker = `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${cliVersion}`;
  const target = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
  return runWith("go", ["build", "-trimpath", "-ldflags", linker, "-o", output, target], {
    cwd: path.join(import.meta.dirname, "pulumi-cli"),
    env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false -mod=readonly" },
    limitSeconds: 30 * 60,
  });
}
