/** The service's URL and the caller's token: from flags, else from the environment, else from what `login` stored. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { CommandFailure, exits } from "./failure.ts";

export interface Login {
  /** without a slash at the end */
  url: string;
  token: string;
}

const folderOf = (env: NodeJS.ProcessEnv): string => env["XDG_CONFIG_HOME"] ?? path.join(os.homedir(), ".config");

/** The file in which `login` stores the URL and the token. Only its owner can read it. */
export function loginFile(env: NodeJS.ProcessEnv): string {
  return path.join(folderOf(env), "drawbridge", "login.json");
}

export async function saveLogin(env: NodeJS.ProcessEnv, login: Login): Promise<void> {
  await mkdir(path.dirname(loginFile(env)), { recursive: true, mode: 0o700 });
  await writeFile(loginFile(env), `${JSON.stringify(login)}\n`, { mode: 0o600 });
}

/** @throws CommandFailure `unauthenticated` when flags, environment and login don't give a service and a token */
export async function readLogin(env: NodeJS.ProcessEnv, flags: { server?: string }): Promise<Login> {
  const kept = JSON.parse(await readFile(loginFile(env), "utf8").catch(() => "{}")) as Partial<Login>;
  const url = flags.server ?? env["DRAWBRIDGE_URL"] ?? kept.url;
  // A stored token belongs to the service that it was stored for.
  const token = env["DRAWBRIDGE_TOKEN"] ?? (url === kept.url ? kept.token : undefined);
  if (url && token) return { url: url.replace(/\/+$/, ""), token };
  throw new CommandFailure(
    exits.unauthenticated,
    "Not logged in. Run `drawbridge login <url>`, or set DRAWBRIDGE_URL and DRAWBRIDGE_TOKEN.",
  );
}
