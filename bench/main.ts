/**
 * `npm run bench [-- --minutes N]`: every benchmark that begins within N minutes, and the table in docs/benchmarks.md. `npm run bench -- NAME [--json FILE]`: one of them; the
 * file then holds `{name, title, unit, against, median, baseline, ratio, runs, …}` and, under `more`, its further results.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { benchmarks } from "./benchmarks.ts";
import { describeMachine } from "./machine.ts";
import { figure, table, withFigures } from "./report.ts";
import { meets, type Result } from "./result.ts";

const document = path.resolve(import.meta.dirname, "../docs/benchmarks.md");

async function run(name: string): Promise<Result[]> {
  const benchmark = benchmarks[name];
  if (benchmark === undefined) throw new Error(`There is no benchmark "${name}". There are: ${Object.keys(benchmarks).join(", ")}.`);
  const started = performance.now();
  console.log(`\n${name}: ${benchmark.title}`);
  const results = await benchmark.run();
  for (const result of results) console.log(`  ${lineOf(result)}`);
  console.log(`  took ${Math.round((performance.now() - started) / 1000)} s`);
  return results;
}

function lineOf(result: Result): string {
  const { title, unit, median, baseline, ratio, note } = result;
  const met = meets(result);
  const verdict = met === undefined ? "" : met ? ", target met" : ", target MISSED";
  return `${title}: ${figure(median)} ${unit}, against ${figure(baseline)} ${unit}, ratio ${figure(ratio)}${verdict}${note ? ` (${note})` : ""}`;
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { json: { type: "string" }, minutes: { type: "string" } } });
  const [name] = positionals;
  if (name !== undefined) {
    const [first, ...more] = await run(name);
    if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ ...first, more }, undefined, 2)}\n`);
    return;
  }
  const results: Result[] = [];
  const left: string[] = [];
  const until = performance.now() + Number(values.minutes ?? Infinity) * 60_000;
  for (const one of Object.keys(benchmarks)) {
    if (performance.now() > until) left.push(`${one}: no time was left for it`);
    else
      await run(one).then(
        (more) => results.push(...more),
        (error: unknown) => left.push(`${one}: it failed (${told(error)})`),
      );
    // After each, so that what was measured stays if a later one is ended from outside.
    await write(results, left, values.json);
  }
  console.log(`\n${table(results)}`);
  for (const line of left) console.log(line);
  if (left.length > 0) process.exitCode = 1;
}

const told = (error: unknown) => (error instanceof Error ? error.message.split("\n")[0] : String(error));

async function write(results: readonly Result[], left: readonly string[], json: string | undefined): Promise<void> {
  const machine = [...(await describeMachine()), ...left];
  await writeFile(document, withFigures(await readFile(document, "utf8"), { results, machine }));
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ machine, results }, undefined, 2)}\n`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
await main();
process.exit();
