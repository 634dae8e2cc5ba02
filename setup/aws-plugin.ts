import { constants } from "node:fs";
import { access, chmod, mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { cacheFolder, type Run, run, type Say, step } from "./step.ts";

/** What `<PULUMI_HOME>/plugins/resource-aws-v<version>` holds. */
export interface AwsPlugin {
  plugin: "official" | "stand-in";
  version: string;
}

/** The file beside a stand-in by which everybody tells it from the official plugin: `{"plugin":"stand-in","version":"…"}`. */
export const standInMarker = "stand-in.json";

/** The version of `@pulumi/aws` in node_modules: the plugin must be the same. */
export function awsPluginVersion(): string {
  const { version } = createRequire(import.meta.url)("@pulumi/aws/package.json") as { version: string };
  return version;
}

/** Where the CLI looks for the plugin under a PULUMI_HOME. */
export function awsPluginFolder(pulumiHome: string): string {
  return path.join(pulumiHome, "plugins", `resource-aws-v${awsPluginVersion()}`);
}

/** What is installed under a PULUMI_HOME: the official plugin, a stand-in, or nothing (undefined). */
export async function installedAwsPlugin(pulumiHome: string): Promise<AwsPlugin | undefined> {
  const folder = awsPluginFolder(pulumiHome);
  const hasBinary = await access(path.join(folder, "pulumi-resource-aws"), constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!hasBinary) return undefined;
  const marker = await readFile(path.join(folder, standInMarker), "utf8").catch(() => undefined);
  if (marker === undefined) return { plugin: "official", version: awsPluginVersion() };
  return { plugin: "stand-in", version: (JSON.parse(marker) as { version: string }).version };
}

/** What `ensureAwsPlugin` needs: which CLI installs into which PULUMI_HOME. */
export interface AwsPluginRequest {
  pulumiHome: string;
  cliRoot: string;
  log: Say;
  run?: Run;
}

/**
 * Puts the official `aws` plugin at the version of `@pulumi/aws` under `pulumiHome`. Throws an Error where it can't be
 * downloaded; the five attempts of the CLI take a few seconds where there is no network.
 */
export async function ensureAwsPlugin(request: AwsPluginRequest): Promise<AwsPlugin> {
  const { pulumiHome, log } = request;
  const version = awsPluginVersion();
  const present = await installedAwsPlugin(pulumiHome);
  if (present?.plugin === "official") {
    log(`AWS plugin ${version}: found in ${pulumiHome}`);
    return present;
  }
  return await step(log, `AWS plugin ${version}: download`, () => download(request));
}

async function download({ pulumiHome, cliRoot, run: runWith = run }: AwsPluginRequest): Promise<AwsPlugin> {
  const version = awsPluginVersion();
  const ran = await runWith(path.join(cliRoot, "bin", "pulumi"), ["plugin", "install", "resource", "aws", `v${version}`], {
    env: { ...process.env, PULUMI_HOME: pulumiHome, PULUMI_SKIP_UPDATE_CHECK: "1" },
    limitSeconds: 300,
  });
  const installed = ran.code === 0 ? await installedAwsPlugin(pulumiHome) : undefined;
  if (installed?.plugin === "official") return installed;
  throw new Error(
    `The Pulumi AWS plugin ${version} can't be downloaded here. Run this where it can, or unpack its release into ${awsPluginFolder(pulumiHome)}.`,
  );
}

/**
 * Gives a sandbox its plugin: a link to the official one, kept once in the user's cache folder, or the stand-in program
 * where the official one can't be had. A failed download isn't tried again for a day, so that starts stay fast.
 */
export async function ensureSandboxPlugin(request: AwsPluginRequest & { standIn: string; onlyStandIn?: boolean }): Promise<AwsPlugin> {
  const { pulumiHome, log, standIn, onlyStandIn = false } = request;
  const version = awsPluginVersion();
  const shared = onlyStandIn ? undefined : await sharedPlugin(request);
  await rm(awsPluginFolder(pulumiHome), { recursive: true, force: true });
  if (shared !== undefined) {
    await mkdir(awsPluginFolder(pulumiHome), { recursive: true }); // the CLI takes no link for a plugin's folder
    await symlink(path.join(shared, "pulumi-resource-aws"), path.join(awsPluginFolder(pulumiHome), "pulumi-resource-aws"));
    return { plugin: "official", version };
  }
  await writeStandIn(pulumiHome, standIn);
  log(`A stand-in does the work of the AWS plugin ${version} in this sandbox; real AWS accounts need the official one.`);
  return { plugin: "stand-in", version };
}

async function sharedPlugin(request: AwsPluginRequest): Promise<string | undefined> {
  const homes = [cacheFolder("pulumi-home"), path.join(os.homedir(), ".pulumi")] as const;
  for (const home of homes) {
    if ((await installedAwsPlugin(home))?.plugin === "official") return awsPluginFolder(home);
  }
  const unreachable = path.join(homes[0], `aws-plugin-${awsPluginVersion()}-unreachable`);
  const lastTry = await stat(unreachable).catch(() => undefined);
  if (lastTry && Date.now() - lastTry.mtimeMs < 24 * 3600 * 1000) return undefined;
  try {
    await ensureAwsPlugin({ ...request, pulumiHome: homes[0] });
    return awsPluginFolder(homes[0]);
  } catch {
    await mkdir(homes[0], { recursive: true });
    await writeFile(unreachable, "");
    return undefined;
  }
}

/** A launcher that runs the stand-in on this very Node, whatever `node` is on the PATH of whoever runs the CLI. */
async function writeStandIn(pulumiHome: string, program: string): Promise<void> {
  const folder = awsPluginFolder(pulumiHome);
  await mkdir(folder, { recursive: true });
  const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  const cache = quote(process.env["NODE_COMPILE_CACHE"] || path.join(folder, "compile-cache"));
  const launcher = `#!/bin/sh\nNODE_COMPILE_CACHE=${cache} exec ${quote(process.execPath)} ${quote(program)} "$@"\n`;
  const binary = path.join(folder, "pulumi-resource-aws");
  await writeFile(path.join(folder, standInMarker), `${JSON.stringify({ plugin: "stand-in", version: awsPluginVersion() })}\n`);
  await writeFile(binary, launcher);
  await chmod(binary, 0o755);
}
