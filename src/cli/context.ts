/** The context that every verb gets. */
import type { Command } from "commander";
import { type Api, createApi, followEvents, type Operation } from "./client.ts";
import { CommandFailure, exits } from "./failure.ts";
import { readLogin } from "./login.ts";
import { type Format, mark, type Screen, say, show } from "./screen.ts";
import { createTree } from "./tree.ts";

export interface World {
  env: NodeJS.ProcessEnv;
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: NodeJS.WritableStream & { isTTY?: boolean };
  stderr: NodeJS.WritableStream;
}

interface GlobalFlags {
  server?: string;
  output: Format;
}

export interface Context {
  world: World;
  screen: Screen;
  api: Api;
}

/** Finds the service and the output format from the flags that all verbs share. */
export async function contextOf(world: World, command: Command): Promise<Context> {
  const flags = command.optsWithGlobals<GlobalFlags>();
  const forPeople = flags.output === "table";
  return { world, screen: screenOf(world, flags.output), api: createApi(await readLogin(world.env, flags), { forPeople }) };
}

export function screenOf({ env, stdout }: World, format: Format): Screen {
  const live = stdout.isTTY === true && format === "table" && !env["CI"] && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  return { format, live, out: stdout };
}

/** `acme/c1` */
export function addressOf(text: string): { tenant: string; name: string } {
  const [tenant, name, more] = text.split("/");
  if (tenant && name && more === undefined) return { tenant, name };
  throw new CommandFailure(exits.usage, `An integration is written <tenant>/<name>, such as acme/c1; "${text}" isn't.`);
}

/**
 * Shows an operation until it ends.
 *
 * @throws CommandFailure `failed` or `waiting`, with what to do next
 */
export async function watch({ api, screen }: Context, id: string, title: string): Promise<Operation> {
  const quiet = screen.format !== "table";
  const tree = quiet ? undefined : createTree(screen, title);
  const operation = await followEvents(api, id, (event) => tree?.on(event));
  tree?.end();
  return operation;
}

/** Turns an operation's result into the command's. */
export function endWith({ screen }: Context, operation: Operation): void {
  if (operation.state === "succeeded") return;
  if (operation.state === "awaiting-approval") {
    const hash = operation.planHash ? ` --plan-hash ${operation.planHash}` : "";
    throw new CommandFailure(exits.waiting, `It waits for an approval: drawbridge approve ${operation.id}${hash}`);
  }
  const { error } = operation;
  if (operation.supersededBy) throw new CommandFailure(exits.failed, `Overtaken by operation ${operation.supersededBy}.`);
  throw new CommandFailure(
    exits.failed,
    `${mark({ ...screen, live: false }, operation.state)} ${operation.state}${error ? `: ${error.detail} (${error.code})` : ""}`,
  );
}

/** The option of every verb that starts an operation; its value is `wait`. */
export const noWait = ["--no-wait", "return as soon as the service has accepted it"] as const;

/** Waits for an operation and shows how it ends. With `--no-wait` it only shows the operation's id. */
export async function finish(context: Context, operation: Operation, title: string, wait: boolean): Promise<void> {
  if (!wait) {
    return show(context.screen, operation, () =>
      say(context.screen, `Operation ${operation.id} is ${operation.state}. See: drawbridge wait ${operation.id}`),
    );
  }
  const ended = await watch(context, operation.id, title);
  show(context.screen, ended, () => {});
  endWith(context, ended);
}
