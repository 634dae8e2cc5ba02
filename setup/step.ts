import { spawn } from "node:child_process";
import os from "node:os";
import path from "node:path";

/** Says one sentence to whoever watches: the console in set-up, the service's log elsewhere. */
export type Say = (sentence: string) => void;

/** What a finished command said; `code` is null when a signal or the time limit ended it. */
export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end; a missing executable answers code 127, so that callers have one way to fail. */
export type Run = (
  command: string,
  args: readonly string[],
  options?: { cwd?: string; env?: NodeJS.ProcessEnv; limitSeconds?: number },
) => Promise<Ran>;

/** `Run` by a real child process, without a shell. Past `limitSeconds` the child is killed and the code is null. */
export const run: Run = (command, args, { cwd, env, limitSeconds } = {}) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
      ...(limitSeconds === undefined ? {} : { timeout: limitSeconds * 1000, killSignal: "SIGKILL" }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on("error", (error) => resolve({ code: 127, stdout, stderr: error.message }));
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });

/** Does one step: says what begins, and how long it took, whether it ended well or not. */
export async function step<T>(say: Say, title: string, work: () => Promise<T>): Promise<T> {
  say(`${title} …`);
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  try {
    const result = await work();
    say(`${title}: done in ${seconds()}`);
    return result;
  } catch (error) {
    say(`${title}: failed after ${seconds()}`);
    throw error;
  }
}

/**
 * The folder under the user's cache where set-up keeps what it fetched or built (XDG Base Directory Specification:
 * `$XDG_CACHE_HOME`, else `~/.cache`), so that a second clone pays nothing.
 */
export function cacheFolder(...parts: string[]): string {
  const base = process.env["XDG_CACHE_HOME"];
  return path.join(base && path.isAbsolute(base) ? base : path.join(os.homedir(), ".cache"), "drawbridge", ...parts);
}

/** The last lines of a command's complaint, for an error message. */
export function complaint(ran: Ran): string {
  return (ran.stderr.trim() || ran.stdout.trim()).split("\n").slice(-5).join("\n");
}
