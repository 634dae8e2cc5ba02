/** sources: manages the repositories that the service fetches by itself. */
import type { Command } from "commander";
import { ask, everyItem } from "../client.ts";
import { contextOf, endWith, finish, noWait, type World, watch } from "../context.ts";
import { CommandFailure, exits } from "../failure.ts";
import { ago, facts, say, show, table } from "../screen.ts";
import { report } from "./apply.ts";

interface ApplyFlags {
  repository: string;
  branch: string;
  path?: string;
  credentials?: string;
  webhookSecret?: string;
  repositoryName?: string;
  interval: string;
  prune: boolean;
  maxDeletes: string;
}

/** The verb with its subcommands. */
export function addSources(program: Command, world: World): void {
  const sources = program
    .command("sources")
    .summary("repositories that the service fetches by itself")
    .description("Repositories that the service fetches by itself, by the clock and at a webhook's call, and those that were pushed.")
    .addHelpText(
      "after",
      "\nExamples:\n  drawbridge sources list\n  drawbridge sources apply access --repository https://github.com/acme/access.git",
    );
  addList(sources, world);
  addRead(sources, world);
  addWrite(sources, world);
  addFetch(sources, world);
  addRemove(sources, world);
}

function addList(sources: Command, world: World): void {
  sources
    .command("list")
    .summary("list them")
    .description("Lists the sources: those that are fetched, and those that were pushed.")
    .addHelpText("after", "\nExample:\n  drawbridge sources list -o json")
    .action(async (_flags: unknown, command: Command) => {
      const { api, screen } = await contextOf(world, command);
      const items = await everyItem((cursor) =>
        ask(api.rest.GET("/v1/sources", { params: { query: { limit: 200, ...(cursor && { cursor }) } } })),
      );
      show(screen, items, () =>
        table(
          screen,
          ["NAME", "KIND", "REPOSITORY", "BRANCH", "REVISION", "LAST"],
          items.map((one) => [one.name, one.kind, one.repository, one.branch, one.revision?.slice(0, 12), ago(one.lastAt)]),
        ),
      );
    });
}

function addRead(sources: Command, world: World): void {
  sources
    .command("get")
    .summary("show one")
    .description("Shows one source. Credentials and secrets appear by their names alone: the service's secrets folder holds them.")
    .argument("<source>", "its name")
    .addHelpText("after", "\nExample:\n  drawbridge sources get access")
    .action(async (source: string, _flags: unknown, command: Command) => {
      const { api, screen } = await contextOf(world, command);
      const one = await ask(api.rest.GET("/v1/sources/{source}", { params: { path: { source } } }));
      show(screen, one, () => facts(screen, one));
    });
}

function addWrite(sources: Command, world: World): void {
  sources
    .command("apply")
    .summary("register one, or change it")
    .description("Registers a source, or makes one what the options say: an option left out is the usual again.")
    .argument("<source>", "its name")
    .requiredOption("--repository <url>", "https://, ssh://, git@host:path, or a folder of the service's machine")
    .option("--branch <name>", "the branch whose head counts", "main")
    .option("--path <folder>", "the manifests' folder in it (else all of it)")
    .option("--credentials <secret>", "the name of a file in the service's secrets folder: a token, or a private key")
    .option("--webhook-secret <secret>", "likewise; without it no webhook is taken")
    .option("--repository-name <owner/name>", "webhooks about another repository are ignored")
    .option("--interval <seconds>", "between two fetches", "300")
    .option("--prune", "destroy what the source owns and no longer names", false)
    .option("--max-deletes <number>", "with --prune: more deletes than this wait for an approval", "0")
    .addHelpText(
      "after",
      "\nExample:\n  drawbridge sources apply access --repository git@github.com:acme/access.git --path deploy --credentials access-key",
    )
    .action(async (source: string, { interval, maxDeletes, ...flags }: ApplyFlags, command: Command) => {
      const { api, screen } = await contextOf(world, command);
      if (!/^\d{1,5}$/.test(interval) || !/^\d{1,4}$/.test(maxDeletes))
        throw new CommandFailure(exits.usage, "--interval and --max-deletes are whole numbers.");
      const body = { ...flags, interval: Number(interval), maxDeletes: Number(maxDeletes) };
      const one = await ask(api.rest.PUT("/v1/sources/{source}", { params: { path: { source } }, body }));
      show(screen, one, () =>
        say(screen, `Source ${one.name} follows ${one.branch} of ${one.repository}. Fetch it now: drawbridge sources fetch ${one.name}`),
      );
    });
}

function addFetch(sources: Command, world: World): void {
  sources
    .command("fetch")
    .summary("fetch one and reconcile it now")
    .description("Fetches a source's branch now and reconciles it, without waiting for the clock or a webhook.")
    .argument("<source>", "its name")
    .option(...noWait)
    .addHelpText("after", "\nExample:\n  drawbridge sources fetch access")
    .action(async (source: string, { wait }: { wait: boolean }, command: Command) => {
      const context = await contextOf(world, command);
      const { operation } = await ask(context.api.rest.POST("/v1/sources/{source}/fetch", { params: { path: { source } } }));
      if (!wait) return finish(context, operation, "", false);
      const ended = await watch(context, operation.id, `fetch ${source}`);
      report(context, ended, []);
      endWith(context, ended);
    });
}

function addRemove(sources: Command, world: World): void {
  sources
    .command("delete")
    .summary("forget one; what it made stays")
    .description("Forgets a source. What it owned stays as it is and belongs to nobody.")
    .argument("<source>", "its name")
    .addHelpText("after", "\nExample:\n  drawbridge sources delete access")
    .action(async (source: string, _flags: unknown, command: Command) => {
      const { api, screen } = await contextOf(world, command);
      await ask(api.rest.DELETE("/v1/sources/{source}", { params: { path: { source } } }));
      show(screen, { deleted: source }, () => say(screen, `Source ${source} is forgotten; what it made stays.`));
    });
}
