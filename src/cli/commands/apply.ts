/** apply and diff: compare a folder of manifests with the service. */
import type { Command } from "commander";
import type { LocatedManifest } from "../../gitops/manifests.ts";
import { ask, type Operation, type Schemas } from "../client.ts";
import { type Context, contextOf, endWith, finish, type World, watch } from "../context.ts";
import { CommandFailure, exits } from "../failure.ts";
import { faultLine, originOf, readFolder } from "../folder.ts";
import { mark, say, show, table, tint } from "../screen.ts";
import { summaryLine } from "../tree.ts";

interface Item {
  kind: string;
  tenant?: string;
  name: string;
  outcome: string;
  reason?: string;
  code?: string;
  pointer?: string;
  index?: number;
  /** Only from a source that the service fetched: `file:line:column` */
  at?: string;
  state?: string;
}

interface SourceFlags {
  filename: string;
  repository?: string;
  revision?: string;
  sequence?: string;
  prune: boolean;
  maxDeletes: string;
}
interface ApplyFlags extends SourceFlags {
  dryRun: boolean;
  atomic: boolean;
  wait: boolean;
}

function sourceOptions(command: Command): Command {
  return command
    .requiredOption("-f, --filename <path>", "a folder of manifests, or one file")
    .option("--repository <url>", "what owns the manifests (from CI, or the folder's own git remote)")
    .option("--revision <commit>", "the commit (from CI, or the folder's own git HEAD)")
    .option("--sequence <number>", "rises with each revision; a lower one than the last is refused (from CI)")
    .option("--prune", "destroy what this repository owns and no longer names", false)
    .option("--max-deletes <number>", "with --prune: more deletes than this wait for an approval", "5");
}

export function addApply(program: Command, world: World): void {
  sourceOptions(program.command("apply"))
    .summary("make tenants and integrations equal to a folder of manifests")
    .description("Makes tenants and integrations equal to a folder of manifests, and waits until each is up and proven.")
    .option("--dry-run", "say what would change, and change nothing", false)
    .option("--atomic", "change nothing if any manifest is refused", false)
    .option("--no-wait", "return as soon as the service has accepted the manifests")
    .addHelpText("after", "\nExamples:\n  drawbridge apply -f deploy/\n  drawbridge apply -f deploy/ --prune --max-deletes 2 -o json")
    .action(async (flags: ApplyFlags, command: Command) => {
      const context = await contextOf(world, command);
      const { operation, manifests } = await send(context, flags, flags);
      if (!flags.wait) return finish(context, operation, "", false);
      const ended = await watch(context, operation.id, `apply ${flags.filename}`);
      report(context, ended, manifests);
      endWith(context, ended);
    });
}

export function addDiff(program: Command, world: World): void {
  sourceOptions(program.command("diff"))
    .summary("say what apply would change (exit 3 when it would)")
    .description("Says what apply would change. Ends with 0 when nothing would, and 3 when something would.")
    .addHelpText("after", "\nExample:\n  drawbridge diff -f deploy/ --prune")
    .action(async (flags: SourceFlags, command: Command) => {
      const context = await contextOf(world, command);
      const { operation, manifests } = await send(context, flags, { dryRun: true, atomic: false });
      const quiet: Context = { ...context, screen: { ...context.screen, format: "json" } };
      const ended = await watch(quiet, operation.id, "diff");
      report(context, ended, manifests);
      endWith(context, ended);
      const differs = itemsOf(ended).some((item) => ["added", "changed", "pruned"].includes(item.outcome));
      if (differs) throw new CommandFailure(exits.different, "");
    });
}

type Options = Pick<ApplyFlags, "dryRun" | "atomic">;

async function send(
  context: Context,
  flags: SourceFlags,
  { dryRun, atomic }: Options,
): Promise<{ operation: Operation; manifests: LocatedManifest[] }> {
  const manifests = await readFolder(flags.filename);
  if (!/^\d{1,4}$/.test(flags.maxDeletes)) throw new CommandFailure(exits.usage, "--max-deletes is a whole number.");
  const body = {
    source: await originOf(flags.filename, flags, context.world.env),
    manifests: manifests.map(({ manifest }) => manifest as Schemas["Manifest"]),
    prune: flags.prune,
    maxDeletes: Number(flags.maxDeletes),
    dryRun,
    atomic,
  };
  const { operation } = await ask(context.api.rest.POST("/v1/reconcile", { body }));
  return { operation, manifests };
}

const itemsOf = (operation: Operation): Item[] => (operation.result?.["items"] ?? []) as Item[];

const styles = { added: "green", changed: "yellow", pruned: "red", refused: "red", kept: "cyan" } as const;

/** Shows the changes, then the refusals with their places in the files, then one line of counts. */
export function report({ screen }: Context, operation: Operation, manifests: readonly LocatedManifest[]): void {
  show(screen, operation.result ?? operation, () => {
    const items = itemsOf(operation);
    const changes = items.filter((item) => item.outcome !== "unchanged" && item.outcome !== "refused");
    const rows = changes.map((item) => [
      item.state ? mark(screen, item.state) : " ",
      tint(screen, styles[item.outcome as keyof typeof styles] ?? "dim", item.outcome),
      item.kind,
      item.kind === "Tenant" ? item.name : `${item.tenant}/${item.name}`,
      item.reason ?? "",
    ]);
    if (rows.length > 0) table(screen, ["", "CHANGE", "KIND", "NAME", "WHY"], rows);
    for (const item of items.filter((one) => one.outcome === "refused")) say(screen, tint(screen, "red", refusalLine(item, manifests)));
    const unlisted = Number(operation.result?.["unlisted"] ?? 0);
    if (unlisted > 0) say(screen, `… and ${unlisted} more`);
    const summary = summaryLine(operation.result?.["summary"]);
    say(screen, operation.result?.["dryRun"] ? `Would be: ${summary}` : summary);
  });
}

function refusalLine(item: Item, manifests: readonly LocatedManifest[]): string {
  if (item.at !== undefined) return `${item.at}: ${item.name}: ${item.reason} (${item.code})`;
  const located = item.index === undefined ? undefined : manifests[item.index];
  const detail = `${item.tenant && item.kind !== "Tenant" ? `${item.tenant}/` : ""}${item.name}: ${item.reason} (${item.code})`;
  return located ? faultLine({ ...located.positionOf(item.pointer), detail }) : detail;
}
