/** `npm run setup`: gets the three things that npm can't bring: the Pulumi CLI, the AWS plugin, the sandbox's emulator. */
import os from "node:os";
import path from "node:path";
import { ensureAwsPlugin } from "./aws-plugin.ts";
import { ensureMinistack } from "./ministack.ts";
import { ensurePulumiCli } from "./pulumi-cli.ts";

const log = (sentence: string) => console.log(sentence);

try {
  const cli = await ensurePulumiCli({ log });
  await ensureMinistack({ log });
  const pulumiHome = process.env["PULUMI_HOME"] ?? path.join(os.homedir(), ".pulumi");
  await ensureAwsPlugin({ pulumiHome, cliRoot: cli.root, log }).catch((error: Error) => {
    log(`${error.message} The sandbox works without it, on a stand-in.`);
  });
  log("Set-up is done.");
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
