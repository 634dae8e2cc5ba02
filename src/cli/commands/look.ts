/** describe, blueprints and hand-off: show one item in full. They change nothing. */

import { type Command, Option } from "commander";
import { visibleJson, visibleText } from "../../model/visible-text.ts";
import { ask } from "../client.ts";
import { addressOf, type Context, contextOf, type World } from "../context.ts";
import { ago, facts, say, show, table, tint } from "../screen.ts";

export function addDescribe(program: Command, world: World): void {
  program
    .command("describe")
    .summary("everything about one tenant or integration")
    .description("Shows one tenant, or one integration with its handshake, stacks, hand-off and proof.")
    .argument("<name>", "a tenant, or <tenant>/<integration>")
    .addHelpText("after", "\nExamples:\n  drawbridge describe acme\n  drawbridge describe acme/c1")
    .action(async (name: string, _flags: unknown, command: Command) => {
      const context = await contextOf(world, command);
      if (name.includes("/")) return describeIntegration(context, name);
      const tenant = await ask(context.api.rest.GET("/v1/tenants/{tenant}", { params: { path: { tenant: name } } }));
      return show(context.screen, tenant, () => {
        facts(context.screen, { Tenant: tenant.name, Account: tenant.accountId, Region: tenant.region, Access: tenant.access.mode });
        say(context.screen, "\nThe provisioning role's trust policy:");
        say(context.screen, JSON.stringify(tenant.provisioning.trustPolicy, null, 2));
      });
    });
}

async function describeIntegration(context: Context, text: string): Promise<void> {
  const { api, screen } = context;
  const { tenant, name } = addressOf(text);
  const one = await ask(api.rest.GET("/v1/tenants/{tenant}/integrations/{name}", { params: { path: { tenant, name } } }));
  show(screen, one, () => {
    facts(screen, {
      Integration: text,
      Blueprint: `${one.blueprint} ${one.version}`,
      Handshake: one.handshake.state,
      ...(one.handshake.awaiting.length > 0 && {
        Awaiting: one.handshake.awaiting.map((what) => `${what.what} from the ${what.from}`).join(", "),
      }),
      Proof: one.proof ? `${one.proof.verdict}, ${ago(one.proof.at)}` : "none yet",
      Updated: ago(one.updatedAt) ?? "",
      "Last operation": one.lastOperation ?? "-",
    });
    say(screen, "\nParameters");
    facts(screen, one.parameters, "  ");
    say(screen, "\nStacks");
    table(
      screen,
      ["  STACK", "STATUS"],
      one.stacks.map((stack) => [`  ${stack.stack}`, stack.status]),
    );
    if (!one.handOff?.length) return;
    say(screen, "\nPaste at the vendor");
    table(
      screen,
      ["  FIELD", "VALUE", "WHERE"],
      one.handOff.map((field) => [`  ${field.field}`, field.value, field.where]),
    );
  });
}

export function addBlueprints(program: Command, world: World): void {
  program
    .command("blueprints")
    .summary("list the vendors' recipes, or show one")
    .description("Lists the vendors' recipes; with an id, shows what one grants and which parameters it takes.")
    .argument("[id]", "a blueprint's id")
    .addHelpText("after", "\nExample:\n  drawbridge blueprints custom-s3")
    .action(async (id: string | undefined, _flags: unknown, command: Command) => {
      const { api, screen } = await contextOf(world, command);
      if (id === undefined) {
        const { items } = await ask(api.rest.GET("/v1/blueprints"));
        return show(screen, items, () =>
          table(
            screen,
            ["ID", "VERSION", "TITLE"],
            items.map((one) => [one.id, one.version, one.title]),
          ),
        );
      }
      const one = await ask(api.rest.GET("/v1/blueprints/{id}", { params: { path: { id } } }));
      return show(screen, one, () => {
        say(
          screen,
          `${tint(screen, "bold", one.title)}  ${one.id} ${one.version}\nAfter the vendor's “${one.source.document}”, ${one.source.date}\n\nAccess`,
        );
        for (const line of one.access) say(screen, `  ${line}`);
        say(screen, "\nParameters");
        table(screen, ["  NAME", "NEEDED", "WHAT"], parameterRows(one.parameters));
      });
    });
}

function parameterRows(schema: Record<string, unknown>): string[][] {
  const properties = (schema["properties"] ?? {}) as Record<string, { description?: string; default?: unknown }>;
  const required = (schema["required"] ?? []) as string[];
  return Object.entries(properties).map(([name, property]) => {
    const usual = property.default === undefined ? "" : ` Default: ${JSON.stringify(property.default)}.`;
    return [`  ${name}`, required.includes(name) && property.default === undefined ? "yes" : "", `${property.description ?? ""}${usual}`];
  });
}

const handOffFormats = ["markdown", "json", "cloudformation"] as const;

export function addHandOff(program: Command, world: World): void {
  program
    .command("hand-off")
    .summary("what to give to the vendor")
    .description("Prints what the vendor's set-up form wants, in its own words. An external id stands in it whole.")
    .argument("<integration>", "<tenant>/<name>")
    .addOption(
      new Option("--format <format>", "for people, for programs, or the template alone").choices(handOffFormats).default("markdown"),
    )
    .addHelpText("after", "\nExamples:\n  drawbridge hand-off acme/c1\n  drawbridge hand-off acme/c1 --format cloudformation > role.json")
    .action(async (text: string, { format }: { format: (typeof handOffFormats)[number] }, command: Command) => {
      const { api, screen } = await contextOf(world, command);
      const params = { path: addressOf(text), query: { format } };
      const body = await ask(api.rest.GET("/v1/tenants/{tenant}/integrations/{name}/hand-off", { params, parseAs: "text" }));
      say(screen, format === "markdown" ? visibleText(body.trimEnd()) : visibleJson(body.trimEnd()));
    });
}
