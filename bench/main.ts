/**
 * `npm run bench`: every benchmark, and the table in docs/benchmarks.md. `npm run bench -- NAME [--json FILE]`: one of them; the
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
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { json: { type: "string" } } });
  const [name] = positionals;
  if (name !== undefined) {
    const [first, ...more] = await run(name);
    if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ ...first, more }, undefined, 2)}\n`);
    return;
  }
  const results: Result[] = [];
  for (const one of Object.keys(benchmarks)) results.push(...(await run(one)));
  const machine = await describeMachine();
  await writeFile(document, withFigures(await readFile(document, "utf8"), { results, machine }));
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ machine, results }, undefined, 2)}\n`);
  console.log(`\n${machine.join("\n")}\n\n${table(results)}`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
await main();
process.exit();
