/**
 * `npm run demo`: a sandbox, the real service, a tenant, and the examples applied with live progress. With `-- --once` it does the
 * whole round, checks it by reading AWS back, and ends with 0 or 1. `DRAWBRIDGE_DATA_DIR` and `DRAWBRIDGE_PORT` are its folder and port.
 */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline/promises";
import { styleText } from "node:util";
import { applyExample, changeExample, type Demo, type Outcome, readExamples, registerTenant, tearDown } from "./demo-round.ts";
import { needFreePort, readPort } from "./port.ts";
import { startSandbox } from "./sandbox.ts";
import { startService } from "./service.ts";

const once = process.argv.includes("--once");
const began = Date.now();
const seconds = () => `${((Date.now() - began) / 1000).toFixed(1)} s`;
const heading = (text: string) => console.log(`\n${styleText("bold", text)}`);

function table(outcomes: Outcome[]): void {
  heading("Summary");
  const width = Math.max(...outcomes.map(({ what }) => what.length));
  for (const { what, ok, detail } of outcomes) {
    console.log(`  ${ok ? styleText("green", "ok  ") : styleText("red", "FAIL")}  ${what.padEnd(width)}  ${detail}`);
  }
  const failed = outcomes.filter(({ ok }) => !ok).length;
  console.log(`\n${outcomes.length - failed} passed, ${failed} failed, in ${seconds()}`);
}

/** Starts everything, or nothing: what a start that fails has started is stopped again. */
async function start() {
  const port = readPort(process.env.DRAWBRIDGE_PORT);
  await needFreePort(port);
  const dataDir = process.env.DRAWBRIDGE_DATA_DIR || (await mkdtemp(path.join(os.tmpdir(), "drawbridge-demo-")));
  const ends: (() => Promise<unknown>)[] = [];
  if (!process.env.DRAWBRIDGE_DATA_DIR) ends.push(() => rm(dataDir, { recursive: true, force: true }));
  const stop = async () => {
    for (const end of ends.toReversed()) await end();
  };
  try {
    const sandbox = await startSandbox({ dataDir, log: (line) => console.log(`  ${line}`) });
    ends.push(sandbox.stop);
    const service = await startService(sandbox, { port });
    ends.push(service.stop);
    return { dataDir, sandbox, service, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function main(): Promise<number> {
  heading("Sandbox: an AWS on loopback, Pulumi, and the service");
  const { dataDir, sandbox, service, stop } = await start();
  const interrupted = new Promise<void>((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
  try {
    console.log(
      `  service    ${service.url}   (docs: ${service.url}/docs)\n  token      ${service.token}\n  sandbox    ${path.join(dataDir, "sandbox.json")}`,
    );
    const outcomes: Outcome[] = [];
    const demo: Demo = { sandbox, service, outcomes, say: (line: string) => console.log(`  ${line}`) };
    const examples = await readExamples(sandbox);
    heading(`Tenant ${examples.tenant.name}`);
    await registerTenant(demo, examples.tenant);
    for (const example of examples.integrations) {
      heading(`Up: ${example.name} (${example.body.blueprint})`);
      await applyExample(demo, example);
      if (outcomes.length > 0 && example === examples.integrations[0])
        console.log(`  first proven integration ${seconds()} after the start`);
    }
    if (!once)
      await askToGoOn("Press Enter to change the external ids and tear everything down, Ctrl-C to leave it up and stop: ", interrupted);
    for (const example of examples.integrations) {
      heading(`Change: ${example.name} gets a new external id`);
      await changeExample(demo, example);
    }
    heading("Teardown");
    await tearDown(demo, examples);
    table(outcomes);
    if (!once) {
      console.log(`\nThe service stays up at ${service.url}. Ctrl-C ends it.`);
      await interrupted;
    }
    return outcomes.every(({ ok }) => ok) ? 0 : 1;
  } finally {
    await stop();
  }
}

async function askToGoOn(question: string, interrupted: Promise<void>): Promise<void> {
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  const left = interrupted.then(() => {
    throw new Interrupted();
  });
  await Promise.race([prompt.question(`\n${question}`), left]).finally(() => prompt.close());
}

class Interrupted extends Error {
  override name = "Interrupted";
}

process.exitCode = await main().catch((error: unknown) => {
  if (error instanceof Interrupted || (error instanceof Error && error.name === "AbortError")) return 0;
  console.error(`\n${error instanceof Error ? error.message : error}`);
  return 1;
});
