import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import path from "node:path";
import { type AwsPlugin, ensureSandboxPlugin } from "../setup/aws-plugin.ts";
import { ensurePulumiCli, type PulumiCli } from "../setup/pulumi-cli.ts";
import type { Say } from "../setup/step.ts";
import { platformThings, sandboxRegion } from "./accounts.ts";
import { takeDataFolder } from "./data-folder.ts";
import { startEmulator } from "./ministack.ts";
import { writeSandboxFile } from "./sandbox-file.ts";
import { type Seeded, seed } from "./seed.ts";

/** A running sandbox: an AWS on loopback, seeded, with what the service needs to work against it. */
export interface Sandbox extends Seeded {
  dataDir: string;
  awsEndpoint: string;
  stateUrl: string;
  cli: PulumiCli;
  plugin: AwsPlugin;
  pulumiHome: string;
  /** The environment of `src/main.ts`, complete but for port and token; put it over PATH and HOME. */
  environment: Record<string, string>;
  /** The emulator's process, for tests that look what is left behind. */
  emulatorPid: number;
  /** Ends the emulator, waits until it is gone and gives the data folder back. Files stay. May be called twice. */
  stop(): Promise<void>;
}

export interface SandboxOptions {
  /** Made if it isn't there; a sandbox starts empty, whatever an earlier one left in it, unless `fill` is given. One at a time. */
  dataDir: string;
  log: Say;
  /** Use the stand-in even where the official plugin is installed: for tests that inject faults into it. */
  onlyStandIn?: boolean;
  /** In the place of the seed: the emulator starts with its files in `<dataDir>/aws`, and this puts in what they don't hold. */
  fill?: (endpoint: string) => Promise<Seeded>;
}

/**
 * Takes the data folder, starts emulator and seed, gives PULUMI_HOME its plugin, and writes `sandbox.json`.
 *
 * @throws Error in one sentence when another process has a sandbox in the folder, which then stays as it is; whatever stops a start,
 * nothing of it keeps running
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const dataDir = path.resolve(options.dataDir);
  const giveBack = await takeDataFolder(dataDir, options.log);
  try {
    const sandbox = await startIn({ ...options, dataDir });
    return {
      ...sandbox,
      stop: async () => {
        await sandbox.stop();
        await giveBack();
      },
    };
  } catch (error) {
    await giveBack();
    throw error;
  }
}

async function startIn({ dataDir, log, onlyStandIn = false, fill }: SandboxOptions): Promise<Sandbox> {
  await rm(path.join(dataDir, "sandbox.json"), { force: true });
  const cli = await ensurePulumiCli({ log });
  const pulumiHome = path.join(dataDir, "pulumi-home");
  const standIn = path.join(import.meta.dirname, "stand-in", "main.ts");
  const plugin = await ensureSandboxPlugin({ pulumiHome, cliRoot: cli.root, log, standIn, onlyStandIn });
  const emulator = await startEmulator({ dataDir, log, keeps: fill !== undefined });
  try {
    const seeded = await (fill ?? seed)(emulator.endpoint);
    const stateUrl = `s3://${platformThings.stateBucket}?region=${sandboxRegion}&endpoint=${emulator.endpoint}&use_path_style=true`;
    await writeSandboxFile(dataDir, { serviceUrl: "", token: "", awsEndpoint: emulator.endpoint, stateUrl, accounts: seeded.accounts });
    const environment = serviceEnvironment({ dataDir, awsEndpoint: emulator.endpoint, stateUrl, cli, pulumiHome, seeded });
    return {
      ...seeded,
      dataDir,
      awsEndpoint: emulator.endpoint,
      stateUrl,
      cli,
      plugin,
      pulumiHome,
      environment,
      emulatorPid: emulator.pid,
      stop: emulator.stop,
    };
  } catch (error) {
    await emulator.stop();
    throw error;
  }
}

interface EnvironmentParts {
  dataDir: string;
  awsEndpoint: string;
  stateUrl: string;
  cli: PulumiCli;
  pulumiHome: string;
  seeded: Seeded;
}

function serviceEnvironment({ dataDir, awsEndpoint, stateUrl, cli, pulumiHome, seeded }: EnvironmentParts): Record<string, string> {
  const service = seeded.accounts.platform;
  return {
    DRAWBRIDGE_DATA_DIR: dataDir,
    DRAWBRIDGE_STATE_URL: stateUrl,
    DRAWBRIDGE_STATE_ROLE_ARN: seeded.stateRoleArn,
    DRAWBRIDGE_SECRETS_PASSPHRASE: randomBytes(24).toString("base64url"),
    DRAWBRIDGE_SANDBOX: "true",
    AWS_ENDPOINT_URL: awsEndpoint,
    AWS_REGION: sandboxRegion,
    AWS_ACCESS_KEY_ID: service.accessKeyId,
    AWS_SECRET_ACCESS_KEY: service.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: "true",
    PULUMI_CLI_ROOT: cli.root,
    PULUMI_HOME: pulumiHome,
  };
}
