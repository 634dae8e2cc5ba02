/** events and wait: follow an operation. */
import type { Command } from "commander";
import { ask, followEvents, readEvents, type Schemas } from "../client.ts";
import { contextOf, endWith, type World, watch } from "../context.ts";
import { CommandFailure, exits } from "../failure.ts";
import { say, show } from "../screen.ts";
import { eventLine } from "../tree.ts";

export function addEvents(program: Command, world: World): void {
  program
    .command("events")
    .summary("what happened in an operation, step by step")
    .description("Prints what happened in an operation; with --follow, what happens until it ends.")
    .argument("<operation>", "its id")
    .option("-f, --follow", "until it ends", false)
    .addHelpText("after", "\nExample:\n  drawbridge events -f 1b4e28ba-2fa1-11d2-883f-0016d3cca427")
    .action(async (id: string, { follow }: { follow: boolean }, command: Command) => {
      const context = await contextOf(world, command);
      const print = (event: Schemas["OperationEvent"]) => {
        const line = context.screen.format === "table" ? eventLine(event) : JSON.stringify(event);
        if (line !== undefined) say(context.screen, line);
      };
      if (follow) return endWith(context, await followEvents(context.api, id, print));
      // Checked first: an empty list of events doesn't show that the operation doesn't exist.
      await ask(context.api.rest.GET("/v1/operations/{id}", { params: { path: { id } } }));
      for await (const event of readEvents(context.api, id, 0)) print(event);
    });
}

export function addWait(program: Command, world: World): void {
  program
    .command("wait")
    .summary("wait until an operation has ended")
    .description("Shows an operation until it ends. Ends with 0 if it succeeded, 1 if it failed, 4 if it waits for an approval.")
    .argument("<operation>", "its id")
    .option("--timeout <seconds>", "give up after so long", "3600")
    .addHelpText("after", "\nExample:\n  drawbridge wait 1b4e28ba-2fa1-11d2-883f-0016d3cca427 --timeout 600")
    .action(async (id: string, { timeout }: { timeout: string }, command: Command) => {
      const context = await contextOf(world, command);
      const late = setTimeout(() => {
        world.stderr.write(`It hasn't ended within ${timeout} s; it goes on.\n`);
        process.exit(exits.failed);
      }, Number(timeout) * 1_000);
      if (!/^\d{1,6}$/.test(timeout)) throw new CommandFailure(exits.usage, "--timeout is a whole number of seconds.");
      const ended = await watch(context, id, `operation ${id}`).finally(() => clearTimeout(late));
      if (context.screen.format !== "table") show(context.screen, ended, () => {});
      endWith(context, ended);
    });
}
