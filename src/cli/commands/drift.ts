/** drift: shows whether AWS still has what the service made. */
import type { Command } from "commander";
import { ask, type Operation, type Schemas } from "../client.ts";
import { addressOf, type Context, contextOf, endWith, type World, watch } from "../context.ts";
import { CommandFailure, exits } from "../failure.ts";
import { say, show, table, tint } from "../screen.ts";

type Drift = Schemas["Drift"] & { name: string };

export function addDrift(program: Command, world: World): void {
  program
    .command("drift")
    .summary("look whether AWS still holds what was made (exit 3 when not)")
    .description(
      "Looks now whether one integration, or each of a tenant's, is as it was made, by direct reads. Ends with 3 when one isn't.",
    )
    .argument("<name>", "a tenant, or <tenant>/<integration>")
    .option("--remediate", "repair what is found, also what came back after a repair", false)
    .addHelpText("after", "\nExamples:\n  drawbridge drift acme\n  drawbridge drift acme/c1 --remediate")
    .action(async (text: string, { remediate }: { remediate: boolean }, command: Command) => {
      const context = await contextOf(world, command);
      const operation = await begin(context, text, remediate);
      const quiet: Context = { ...context, screen: { ...context.screen, format: "json" } };
      const ended = await watch(quiet, operation.id, "drift");
      endWith(context, ended);
      const found = (ended.result?.["integrations"] ?? []) as Drift[];
      show(context.screen, found, () => draw(context, text.split("/")[0] ?? text, found));
      if (found.some((drift) => drift.verdict !== "none")) throw new CommandFailure(exits.different, "");
    });
}

async function begin({ api }: Context, text: string, remediate: boolean): Promise<Operation> {
  const body = { remediate };
  if (!text.includes("/")) {
    const path = { tenant: text };
    return (await ask(api.rest.POST("/v1/tenants/{tenant}/detect-drift", { params: { path }, body }))).operation;
  }
  const path = addressOf(text);
  return (await ask(api.rest.POST("/v1/tenants/{tenant}/integrations/{name}/detect-drift", { params: { path }, body }))).operation;
}

const styles = { none: "green", found: "red", unknown: "yellow" } as const;

function draw({ screen }: Context, tenant: string, found: Drift[]): void {
  if (found.length === 0) say(screen, "Nothing stands that could have drifted.");
  const access = (drift: Drift) => (drift.verdict === "found" ? drift.access.replaceAll("-", " ") : undefined);
  table(
    screen,
    ["INTEGRATION", "DRIFT", "ACCESS", "SINCE"],
    found.map((drift) => [`${tenant}/${drift.name}`, tint(screen, styles[drift.verdict], drift.verdict), access(drift), drift.since]),
  );
  for (const drift of found) {
    for (const { stack, words } of drift.differences) say(screen, `  ${tenant}/${drift.name} ${stack}: ${words}`);
    if (drift.cause) say(screen, `  ${tenant}/${drift.name}: ${drift.cause.detail} (${drift.cause.code})`);
    if (drift.contested) say(screen, `  ${tenant}/${drift.name}: it came back after a repair. --remediate repairs it all the same.`);
    if (drift.remediation) say(screen, `  ${tenant}/${drift.name}: repaired by operation ${drift.remediation.operation}`);
  }
}
