/** get: shows lists. */
import { Argument, type Command } from "commander";
import { ask, everyItem, type Schemas } from "../client.ts";
import { type Context, contextOf, type World } from "../context.ts";
import { ago, mark, show, table } from "../screen.ts";

type Integration = Schemas["Integration"];

const kinds = ["tenants", "integrations", "operations", "pauses"] as const;
interface GetFlags {
  tenant?: string;
  state?: string;
  limit: string;
}

export function addGet(program: Command, world: World): void {
  program
    .command("get")
    .summary("list tenants, integrations, operations or pauses")
    .description("Lists tenants, integrations (of one tenant, or of all that you may see), the newest operations, or what is paused.")
    .addArgument(new Argument("<kind>", "what to list").choices(kinds))
    .option("-t, --tenant <name>", "of this tenant only")
    .option("--state <state>", "operations in this state only")
    .option("--limit <number>", "of operations", "20")
    .addHelpText("after", "\nExamples:\n  drawbridge get integrations -t acme\n  drawbridge get operations --state failed -o json")
    .action(async (kind: (typeof kinds)[number], flags: GetFlags, command: Command) => {
      const context = await contextOf(world, command);
      if (kind === "tenants") return showTenants(context);
      if (kind === "integrations") return showIntegrations(context, flags.tenant);
      if (kind === "pauses") return showPauses(context);
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

async function showPauses({ api, screen }: Context): Promise<void> {
  const { items } = await ask(api.rest.GET("/v1/pause"));
  show(screen, items, () =>
    table(
      screen,
      ["PAUSED", "REASON", "BY", "SINCE"],
      items.map((one) => [one.scope, one.reason, one.requestedBy, ago(one.since)]),
    ),
  );
}
