/** Git's own output, as bytes and piece by piece: names and contents of a repository needn't be text, nor small. */
import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Checkout {
  folder: string;
  environment: Record<string, string>;
  signal: AbortSignal;
}

/**
 * What a git command writes. A reader that stops early ends it.
 *
 * @throws Error when git can't be started, is aborted or ends with another code than 0
 */
export async function* gitOutput({ folder, environment, signal }: Checkout, args: string[], input?: Buffer): AsyncGenerator<Buffer> {
  // A path is a path: without this a name such as `:(top)` or `*` would be a pattern (git(1)).
  const env = { ...environment, GIT_LITERAL_PATHSPECS: "1" };
  const child = spawn("git", args, { cwd: folder, env, signal, stdio: ["pipe", "pipe", "ignore"] });
  const closed = once(child, "close");
  // Awaited below, once all output has been read.
  closed.catch(() => {});
  // Git may end before it has read all; its exit code says so.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  try {
    for await (const piece of child.stdout) yield piece;
    const [code] = await closed;
    if (code !== 0) throw new Error(`git ${args[0]} ended with ${code}`);
  } finally {
    child.kill("SIGKILL");
  }
}

/** All that a git command writes; for what is known to be small. */
export async function gitBytes(checkout: Checkout, args: string[], input?: Buffer): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of gitOutput(checkout, args, input)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** What stands between the separators of the output; the last piece needs one, too, as git's `-z` has it. */
export async function* splitAt(output: AsyncIterable<Buffer>, separator: number): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const piece of output) {
    let begin = 0;
    for (let end = piece.indexOf(separator); end !== -1; end = piece.indexOf(separator, begin)) {
      yield Buffer.concat([...rest, piece.subarray(begin, end)]);
      rest = [];
      begin = end + 1;
    }
    rest.push(piece.subarray(begin));
  }
}
