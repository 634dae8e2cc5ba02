/** get, describe, blueprints, events, wait: nothing here changes anything. */
import { Argument, type Command, Option } from "commander";
import { ask, everyItem, followEvents, readEvents, type Schemas } from "../client.ts";
import { addressOf, type Context, contextOf, endWith, type World, watch } from "../context.ts";
import { CommandFailure, exits } from "../failure.ts";
import { ago, mark, say, show, table, tint } from "../screen.ts";
import { eventLine } from "../tree.ts";

type Integration = Schemas["Integration"];

const kinds = ["tenants", "integrations", "operations"] as const;
interface GetFlags {
  tenant?: string;
  state?: string;
  limit: string;
}

export function addGet(program: Command, world: World): void {
  program
    .command("get")
    .summary("list tenants, integrations or operations")
    .description("Lists tenants, integrations (of one tenant, or of all that you may see) or the newest operations.")
    .addArgument(new Argument("<kind>", "what to list").choices(kinds))
    .option("-t, --tenant <name>", "of this tenant only")
    .option("--state <state>", "operations in this state only")
    .option("--limit <number>", "of operations", "20")
    .addHelpText("after", "\nExamples:\n  drawbridge get integrations -t acme\n  drawbridge get operations --state failed -o json")
    .action(async (kind: (typeof kinds)[number], flags: GetFlags, command: Command) => {
      const context = await contextOf(world, command);
      if (kind === "tenants") return showTenants(context);
      if (kind === "integrations") return showIntegrations(context, flags.tenant);
      return showOperations(context, flags);
    });
}

async function showTenants({ api, screen }: Context): Promise<void> {
  const items = await tenantsOf({ api });
  show(screen, items, () =>
    table(
      screen,
      ["NAME", "ACCOUNT", "REGION", "ACCESS", "SINCE"],
      items.map((one) => [one.name, one.accountId, one.region, one.access.mode, ago(one.createdAt)]),
    ),
  );
}

const tenantsOf = ({ api }: Pick<Context, "api">) =>
  everyItem((cursor) => ask(api.rest.GET("/v1/tenants", { params: { query: { limit: 200, ...(cursor && { cursor }) } } })));

async function showIntegrations({ api, screen }: Context, tenant: string | undefined): Promise<void> {
  const names = tenant ? [tenant] : (await tenantsOf({ api })).map((one) => one.name);
  const lists = await Promise.all(
    names.map((name) =>
      everyItem((cursor) =>
        ask(
          api.rest.GET("/v1/tenants/{tenant}/integrations", {
            params: { path: { tenant: name }, query: { limit: 200, ...(cursor && { cursor }) } },
          }),
        ),
      ),
    ),
  );
  const items = lists.flat();
  show(screen, items, () =>
    table(
      screen,
      ["NAME", "BLUEPRINT", "HANDSHAKE", "PROOF", "UPDATED"],
      items.map((one) => [
        `${one.tenant}/${one.name}`,
        `${one.blueprint} ${one.version}`,
        one.handshake.state,
        proofWord(one),
        ago(one.updatedAt),
      ]),
    ),
  );
}

const proofWord = (one: Integration): string => one.proof?.verdict ?? "-";

async function showOperations({ api, screen }: Context, { tenant, state, limit }: GetFlags): Promise<void> {
  const query = { limit: Number(limit), ...(tenant && { tenant }), ...(state && { state: state as Schemas["Operation"]["state"] }) };
  const { items } = await ask(api.rest.GET("/v1/operations", { params: { query } }));
  show(screen, items, () =>
    table(
      screen,
      ["", "ID", "KIND", "STATE", "ABOUT", "STARTED", "ERROR"],
      items.map((one) => [mark(screen, one.state), one.id, one.kind, one.state, aboutOf(one), ago(one.createdAt), one.error?.code]),
    ),
  );
}

const aboutOf = (one: Schemas["Operation"]): string => [one.tenant, one.integration].filter(Boolean).join("/") || "-";

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
        facts(context, { Tenant: tenant.name, Account: tenant.accountId, Region: tenant.region, Access: tenant.access.mode });
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
    facts(context, {
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
    facts(context, one.parameters, "  ");
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

function facts({ screen }: Context, pairs: Record<string, unknown>, indent = ""): void {
  const width = Math.max(0, ...Object.keys(pairs).map((key) => key.length));
  for (const [key, value] of Object.entries(pairs)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    say(screen, `${indent}${tint(screen, "dim", key.padEnd(width))}  ${text}`);
  }
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
      // Asked for first: a list of events says nothing of an operation that isn't there.
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
      say(screen, body.trimEnd());
    });
}
