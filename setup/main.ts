/** `npm run setup`: gets the three things that npm can't bring: the Pulumi CLI, the AWS plugin, the sandbox's emulator. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { awsPluginFolder, ensureAwsPlugin, installedAwsPlugin } from "./aws-plugin.ts";
import { ensureMinistack } from "./ministack.ts";
import { ensurePulumiCli } from "./pulumi-cli.ts";

const log = (sentence: string) => console.log(sentence);

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

try {
  const cli = await ensurePulumiCli({ log });
  await ensureMinistack({ log });
  const pulumiHome = process.env["PULUMI_HOME"] ?? path.join(os.homedir(), ".pulumi");
  await ensureAwsPlugin({ pulumiHome, cliRoot: cli.root, log }).catch((error: Error) => {
    log(`${error.message} The sandbox works without it, on a stand-in.`);
  });
  log("Set-up is done. Away from loopback the service insists on the programs' SHA-256:");
  log(`  DRAWBRIDGE_CLI_SHA256=${await digestOf(path.join(cli.root, "bin", "pulumi"))}`);
  if ((await installedAwsPlugin(pulumiHome))?.plugin === "official")
    log(`  DRAWBRIDGE_PLUGIN_SHA256=${await digestOf(path.join(awsPluginFolder(pulumiHome), "pulumi-resource-aws"))}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
