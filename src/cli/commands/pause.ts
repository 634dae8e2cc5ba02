/** pause and resume: stop reconciles and repairs for a tenant or for everything, and allow them again. */
import type { Command } from "commander";
import { ask } from "../client.ts";
import { contextOf, type World } from "../context.ts";
import { CommandFailure, exits } from "../failure.ts";
import { say, show } from "../screen.ts";

/** One tenant, or everything if a flag says so. */
function scopeOf(tenant: string | undefined, all: boolean): { tenant: string } | undefined {
  if ((tenant !== undefined) === all) throw new CommandFailure(exits.usage, "Name a tenant, or say --all for everything.");
  return tenant === undefined ? undefined : { tenant };
}

export function addPause(program: Command, world: World): void {
  program
    .command("pause")
    .summary("keep reconciles and repairs away from a tenant, or from everything")
    .description(
      "Keeps reconciles and repairs of drift away from a tenant, or from everything. Drift is still looked for, and what people ask for is still done. A freeze, which stops everything, is POST /v1/freeze.",
    )
    .argument("[tenant]")
    .option("--all", "everything", false)
    .requiredOption("--reason <text>", "why: others will read it")
    .addHelpText(
      "after",
      '\nExamples:\n  drawbridge pause acme --reason "they move buckets until Monday"\n  drawbridge pause --all --reason "audit"',
    )
    .action(async (tenant: string | undefined, { all, reason }: { all: boolean; reason: string }, command: Command) => {
      const { api, screen } = await contextOf(world, command);
      const path = scopeOf(tenant, all);
      const body = { reason };
      if (path) await ask(api.rest.PUT("/v1/tenants/{tenant}/pause", { params: { path }, body }));
      else await ask(api.rest.PUT("/v1/pause", { body }));
      const what = tenant === undefined ? "Everything" : `Tenant ${tenant}`;
      show(screen, { paused: tenant ?? "service", reason }, () =>
        say(screen, `${what} is paused. To go on: drawbridge resume ${tenant ?? "--all"}`),
      );
    });
}

export function addResume(program: Command, world: World): void {
  program
    .command("resume")
    .summary("end a pause")
    .description("Lets reconciles and repairs work again. A tenant's pause and the one over everything end each by itself.")
    .argument("[tenant]")
    .option("--all", "the pause over everything", false)
    .addHelpText("after", "\nExample:\n  drawbridge resume acme")
    .action(async (tenant: string | undefined, { all }: { all: boolean }, command: Command) => {
      const { api, screen } = await contextOf(world, command);
      const path = scopeOf(tenant, all);
      if (path) await ask(api.rest.DELETE("/v1/tenants/{tenant}/pause", { params: { path } }));
      else await ask(api.rest.DELETE("/v1/pause"));
      const what = tenant === undefined ? "The pause over everything" : `The pause of tenant ${tenant}`;
      show(screen, { resumed: tenant ?? "service" }, () => say(screen, `${what} has ended.`));
    });
}
