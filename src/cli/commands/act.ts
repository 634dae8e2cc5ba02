/** Verbs that start or decide something for one tenant, integration or operation. */
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { ask, type Operation } from "../client.ts";
import { addressOf, contextOf, finish, noWait, type World } from "../context.ts";
import { CommandFailure, exits } from "../failure.ts";
import { say, show } from "../screen.ts";

interface WaitFlags {
  wait: boolean;
}

export function addVerify(program: Command, world: World): void {
  program
    .command("verify")
    .summary("judge the live documents of an integration now")
    .description("Reads what AWS holds now and judges it against the access contract. A trust that allows more is closed.")
    .argument("<integration>", "<tenant>/<name>")
    .option(...noWait)
    .addHelpText("after", "\nExample:\n  drawbridge verify acme/c1")
    .action(async (text: string, { wait }: WaitFlags, command: Command) => {
      const context = await contextOf(world, command);
      const path = addressOf(text);
      const { operation } = await ask(context.api.rest.POST("/v1/tenants/{tenant}/integrations/{name}/verify", { params: { path } }));
      await finish(context, operation, `verify ${text}`, wait);
    });
}

export function addRotate(program: Command, world: World): void {
  program
    .command("rotate")
    .summary("supply or replace an integration's external id")
    .description(
      "Supplies the external id that is awaited, or replaces it in place: the role stays the same. The id is read from a prompt or from standard input, so that it stands in no shell history.",
    )
    .argument("<integration>", "<tenant>/<name>")
    .option("--overlap <minutes>", "both ids work for so long", "0")
    .option(...noWait)
    .addHelpText("after", "\nExamples:\n  drawbridge rotate acme/c1\n  pass show vendors/c1 | drawbridge rotate acme/c1 --overlap 60")
    .action(async (text: string, { overlap, wait }: WaitFlags & { overlap: string }, command: Command) => {
      const context = await contextOf(world, command);
      const path = addressOf(text);
      if (!/^\d{1,5}$/.test(overlap)) throw new CommandFailure(exits.usage, "--overlap is a whole number of minutes.");
      const externalId = await readLine(world, "External id: ");
      const body = { externalId, overlapMinutes: Number(overlap) };
      const { operation } = await ask(
        context.api.rest.POST("/v1/tenants/{tenant}/integrations/{name}/external-id", { params: { path }, body }),
      );
      await finish(context, operation, `rotate ${text}`, wait);
    });
}

export function addExplain(program: Command, world: World): void {
  program
    .command("explain")
    .summary("why somebody may or may not do something in a tenant's account")
    .description("Says why a principal may or may not do something, over the documents that AWS holds now.")
    .argument("<tenant>")
    .argument("<principal>", "an ARN, or a service's name")
    .argument("<action>", "such as s3:GetObject")
    .argument("<resource>", "an ARN")
    .option("--context <key=value...>", "condition keys of the request, such as sts:ExternalId=…")
    .addHelpText(
      "after",
      "\nExample:\n  drawbridge explain acme arn:aws:iam::765656841499:role/X sts:AssumeRole arn:aws:iam::222222222222:role/C1",
    )
    .action(
      async (tenant: string, principal: string, action: string, resource: string, flags: { context?: string[] }, command: Command) => {
        const { api, screen } = await contextOf(world, command);
        const pairs = (flags.context ?? []).map((pair) => [pair.split("=")[0] ?? "", pair.slice(pair.indexOf("=") + 1)]);
        const body = { principal, action, resource, context: Object.fromEntries(pairs) as Record<string, string> };
        const answer = await ask(api.rest.POST("/v1/tenants/{tenant}/explain", { params: { path: { tenant } }, body }));
        show(screen, answer, () => {
          for (const sentence of answer.sentences) say(screen, sentence);
        });
      },
    );
}

export function addApprove(program: Command, world: World): void {
  program
    .command("approve")
    .summary("let an operation that waits for an approval run")
    .description("Approves exactly the plan that an operation shows. Whoever asked for the operation can't approve it.")
    .argument("<operation>", "its id")
    .option("--plan-hash <hash>", "refuse if the plan isn't this one")
    .option(...noWait)
    .addHelpText("after", "\nExample:\n  drawbridge approve 1b4e28ba-2fa1-11d2-883f-0016d3cca427")
    .action(async (id: string, flags: WaitFlags & { planHash?: string }, command: Command) => {
      const context = await contextOf(world, command);
      const { rest } = context.api;
      const shown = await ask(rest.GET("/v1/operations/{id}", { params: { path: { id } } }));
      const planHash = flags.planHash ?? shown.planHash;
      if (!planHash) throw new CommandFailure(exits.failed, "This operation has no plan to approve.");
      const { operation } = await ask(rest.POST("/v1/operations/{id}/approve", { params: { path: { id } }, body: { planHash } }));
      await finish(context, operation, `${operation.kind} ${id}`, flags.wait);
    });
}

interface DoomFlags extends WaitFlags {
  yes: boolean;
}

export function addDestroy(program: Command, world: World): void {
  program
    .command("destroy")
    .summary("take an integration down")
    .description("Takes an integration down in reverse order and reads back that nothing is left. Keys are retained.")
    .argument("<integration>", "<tenant>/<name>")
    .option("-y, --yes", "don't ask", false)
    .option(...noWait)
    .addHelpText("after", "\nExample:\n  drawbridge destroy acme/c1 --yes")
    .action(async (text: string, flags: DoomFlags, command: Command) => {
      const context = await contextOf(world, command);
      const path = addressOf(text);
      await confirm(world, flags, text);
      const { operation } = await ask(context.api.rest.DELETE("/v1/tenants/{tenant}/integrations/{name}", { params: { path } }));
      await finish(context, operation, `destroy ${text}`, flags.wait);
    });
}

export function addOffboard(program: Command, world: World): void {
  program
    .command("offboard")
    .summary("take a tenant's integrations down and forget the tenant")
    .description(
      "Closes every trust, ends the sessions, takes all integrations down, reads back that nothing is left, and forgets the tenant.",
    )
    .argument("<tenant>")
    .option("-y, --yes", "don't ask", false)
    .option(...noWait)
    .addHelpText("after", "\nExample:\n  drawbridge offboard acme")
    .action(async (tenant: string, flags: DoomFlags, command: Command) => {
      const context = await contextOf(world, command);
      await confirm(world, flags, tenant);
      const answer = await ask<{ operation: Operation } | undefined>(
        context.api.rest.DELETE("/v1/tenants/{tenant}", { params: { path: { tenant } } }) as Promise<{
          data?: { operation: Operation } | undefined;
          response: Response;
        }> as never,
      );
      if (!answer?.operation) return say(context.screen, `Tenant ${tenant} had no integrations and is removed.`);
      await finish(context, answer.operation, `offboard ${tenant}`, flags.wait);
    });
}

/** A person confirms by typing the name; a script uses --yes. */
async function confirm(world: World, { yes }: DoomFlags, name: string): Promise<void> {
  if (yes) return;
  if (!world.stdin.isTTY) throw new CommandFailure(exits.usage, `This can't be undone. Say --yes to do it without a question.`);
  if ((await readLine(world, `This can't be undone. Type ${name} to go on: `)) === name) return;
  throw new CommandFailure(exits.usage, "Not confirmed; nothing was done.");
}

/** One line from a prompt, or from piped input. */
export async function readLine({ stdin, stderr }: World, question: string): Promise<string> {
  const lines = createInterface({ input: stdin, ...(stdin.isTTY && { output: stderr }) });
  try {
    if (stdin.isTTY) return (await lines.question(question)).trim();
    for await (const line of lines) if (line.trim() !== "") return line.trim();
    return "";
  } finally {
    lines.close();
  }
}
