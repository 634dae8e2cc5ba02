/** Starts the process of the stock sequence beside a sandbox and gives it work. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import type { Credentials } from "../../src/engine/engine.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import type { StockAnswer, StockOrder } from "./orders.ts";

export interface Stock {
  pulumiHome: string;
  pid: number;
  /** Answers the milliseconds inside the process. */
  apply(name: string, specs: StackSpec[]): Promise<number>;
  destroy(name: string, specs: StackSpec[]): Promise<number>;
  stop(): Promise<void>;
}

interface StockOptions {
  sandbox: Sandbox;
  /** The one that is counted, in place of the sandbox's own */
  cliRoot: string;
  /** The tenant's account, entered once for the whole bench */
  target: Credentials;
  /** Secrets in state under the sandbox's KMS key instead of a passphrase */
  underKey: boolean;
  /** Where its state requests go; the emulator unless a counting proxy stands before it */
  stateEndpoint?: string;
  awsEndpoint?: string;
}

/** The same programs, CLI, plugin and emulator as the service uses; state in the same bucket under its own prefix. */
export async function startStock({ sandbox, cliRoot, target, underKey, stateEndpoint, awsEndpoint }: StockOptions): Promise<Stock> {
  const folder = path.join(sandbox.dataDir, "stock");
  const pulumiHome = path.join(folder, "pulumi-home");
  await mkdir(pulumiHome, { recursive: true });
  await cp(path.join(sandbox.pulumiHome, "plugins"), path.join(pulumiHome, "plugins"), { recursive: true });
  const credentials = path.join(folder, "credentials");
  await writeFile(credentials, profile("state", sandbox.accounts.platform) + profile("target", target), { mode: 0o600 });
  const backend = new URL(sandbox.stateUrl.replace("?", "/stock?"));
  if (stateEndpoint !== undefined) backend.searchParams.set("endpoint", stateEndpoint);
  backend.searchParams.set("profile", "state");
  const child = fork(path.join(import.meta.dirname, "worker.ts"), {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    env: {
      PATH: `${path.join(cliRoot, "bin")}${path.delimiter}${process.env["PATH"] ?? ""}`,
      HOME: folder,
      AWS_SHARED_CREDENTIALS_FILE: credentials,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_RESPONSE_CHECKSUM_VALIDATION: "when_required",
      AWS_ENDPOINT_URL: awsEndpoint ?? sandbox.awsEndpoint,
      PULUMI_HOME: pulumiHome,
      PULUMI_BACKEND_URL: decodeURIComponent(backend.href),
      ...(underKey ? { STOCK_SECRETS_PROVIDER: `${sandbox.secretsProvider}&profile=state` } : { PULUMI_CONFIG_PASSPHRASE: "bench" }),
      // The query for a newer version would go out to the network, where there is one.
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_OPTION_IGNORE_PROTECT: "true",
    },
  });
  return talkTo(child, pulumiHome);
}

async function talkTo(child: ChildProcess, pulumiHome: string): Promise<Stock> {
  const waiting = new Map<number, { resolve: (milliseconds: number) => void; reject: (error: Error) => void }>();
  let last = 0;
  const ready = new Promise<void>((resolve, reject) => {
    child.once("exit", () => reject(new Error("the stock process ended")));
    child.on("message", (answer: StockAnswer) => {
      if (answer.type === "ready") return resolve();
      const place = waiting.get(answer.id);
      waiting.delete(answer.id);
      if (answer.type === "done") place?.resolve(answer.milliseconds);
      else place?.reject(new Error(`the stock sequence failed: ${answer.text}`));
    });
  });
  await ready;
  const send = (order: Omit<StockOrder, "id" | "place">, place: StockOrder["place"]) =>
    new Promise<number>((resolve, reject) => {
      const id = ++last;
      waiting.set(id, { resolve, reject });
      child.send({ ...order, id, place } satisfies StockOrder);
    });
  const place = { accountId: "222222222222", region: "us-east-1", pathStyle: true };
  return {
    pid: child.pid ?? 0,
    pulumiHome,
    apply: (name, specs) => send({ verb: "apply", name, specs }, place),
    destroy: (name, specs) => send({ verb: "destroy", name, specs }, place),
    async stop() {
      if (child.exitCode !== null) return;
      const ended = once(child, "exit");
      child.kill();
      await ended;
    },
  };
}

function profile(name: string, { accessKeyId, secretAccessKey, sessionToken }: Credentials): string {
  const token = sessionToken === undefined ? "" : `aws_session_token=${sessionToken}\n`;
  return `[${name}]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n${token}`;
}
