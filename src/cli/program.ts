/** The `drawbridge` command. It talks only to the REST API. */

import { Command, CommanderError, Help, Option } from "commander";
import { visibleText } from "../model/visible-text.ts";
import { ask, createApi } from "./client.ts";
import { addApprove, addDestroy, addExplain, addOffboard, addRotate, addVerify, readLine } from "./commands/act.ts";
import { addApply, addDiff } from "./commands/apply.ts";
import { addDrift } from "./commands/drift.ts";
import { addEvents, addWait } from "./commands/follow.ts";
import { addGet } from "./commands/get.ts";
import { addBlueprints, addDescribe, addHandOff } from "./commands/look.ts";
import { addPause, addResume } from "./commands/pause.ts";
import { addSources } from "./commands/sources.ts";
import { screenOf, type World } from "./context.ts";
import { CommandFailure, exits } from "./failure.ts";
import { saveLogin } from "./login.ts";
import { say } from "./screen.ts";

const exitHelp = `
Exit codes:
  0  done, or nothing to do          4  waits for an approval
  1  failed, or refused              5  not logged in
  2  wrong arguments or manifests    6  the service can't be reached
  3  something differs (diff, drift)

Environment: DRAWBRIDGE_URL and DRAWBRIDGE_TOKEN stand in for a login.`;

/** The command with all its verbs. */
export function createProgram(world: World): Command {
  const program = new Command("drawbridge")
    .description("Opens and closes the way between a customer's AWS account and outside vendors, and proves what it granted.")
    .option("--server <url>", "the service (else DRAWBRIDGE_URL, else the login's)")
    .addOption(new Option("-o, --output <format>", "how to print").choices(["table", "json", "yaml"]).default("table"))
    .configureOutput({ writeOut: (text) => void world.stdout.write(text), writeErr: (text) => void world.stderr.write(text) })
    .configureHelp({ showGlobalOptions: true, optionDescription: describeOption })
    .showHelpAfterError("Add --help for what it takes.")
    .addHelpText("after", exitHelp)
    .exitOverride();
  addLogin(program, world);
  for (const add of [addApply, addDiff, addGet, addDescribe, addWait, addEvents]) add(program, world);
  for (const add of [
    addHandOff,
    addVerify,
    addDrift,
    addExplain,
    addRotate,
    addApprove,
    addDestroy,
    addOffboard,
    addSources,
    addPause,
    addResume,
    addBlueprints,
  ])
    add(program, world);
  return program;
}

/** A switch is off by default, so the help doesn't say so for each switch. */
const describeOption = (option: Option): string => new Help().optionDescription(option).replace(" (default: false)", "");

function addLogin(program: Command, world: World): void {
  program
    .command("login")
    .summary("keep the service's URL and a token")
    .description(
      "Keeps the service's URL and a token in your own configuration folder. The token is read from a prompt or from standard input.",
    )
    .argument("<url>", "such as https://drawbridge.example.com")
    .addHelpText("after", "\nExample:\n  drawbridge login http://127.0.0.1:8080")
    .action(async (url: string) => {
      if (!/^https?:\/\//.test(url)) throw new CommandFailure(exits.usage, "The URL begins with https:// (or http:// on this machine).");
      const login = { url: url.replace(/\/+$/, ""), token: await readLine(world, "Token: ") };
      const { items } = await ask(createApi(login, { forPeople: true }).rest.GET("/v1/tenants", { params: { query: { limit: 1 } } }));
      await saveLogin(world.env, login);
      say(screenOf(world, "table"), `Logged in to ${login.url}${items.length === 0 ? "; there are no tenants yet" : ""}.`);
    });
}

/** Runs the command and returns the exit code. Errors go to standard error. */
export async function runCommand(args: string[], world: World): Promise<number> {
  try {
    const program = createProgram(world);
    for (const verb of program.commands) verb.exitOverride();
    await program.parseAsync(args, { from: "user" });
    return exits.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exits.done : exits.usage;
    if (!(error instanceof CommandFailure)) throw error;
    if (error.message !== "") world.stderr.write(`${visibleText(error.message)}\n`);
    return error.exit;
  }
}
