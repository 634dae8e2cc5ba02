/** Runs the command in this process, as a script or a person would. */
import { PassThrough, Readable } from "node:stream";
import { runCommand } from "../../src/cli/program.ts";

export interface Ran {
  exit: number;
  out: string;
  err: string;
}

export async function drawbridge(
  args: string[],
  { env = {}, stdin = "", tty = false }: { env?: NodeJS.ProcessEnv; stdin?: string; tty?: boolean } = {},
): Promise<Ran> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let [out, err] = ["", ""];
  stdout.on("data", (chunk) => {
    out += chunk;
  });
  stderr.on("data", (chunk) => {
    err += chunk;
  });
  const exit = await runCommand(args, { env, stdin: Readable.from([stdin]), stdout: Object.assign(stdout, { isTTY: tty }), stderr });
  await new Promise((resolve) => setImmediate(resolve));
  return { exit, out, err };
}
