/** Git's output as bytes, in pieces: names and contents of a repository may be binary and large. */
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

/** The whole output of a git command; only for output that is known to be small. */
export async function gitBytes(checkout: Checkout, args: string[], input?: Buffer): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of gitOutput(checkout, args, input)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The pieces between the separators of the output. The last piece ends with a separator too, as in git's `-z`. */
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
