/** Writes the waterfall where the documentation shows it, and prints it. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { asSvg, asText, spansOf, type Trace } from "./waterfall.ts";

const folder = path.resolve(import.meta.dirname, "../docs/benchmarks");

/** Draws the create that was traced. */
export async function drawWaterfall(trace: Trace): Promise<void> {
  const spans = spansOf(trace);
  console.log(asText(spans));
  await mkdir(folder, { recursive: true });
  await Promise.all([
    writeFile(path.join(folder, "create-waterfall.svg"), asSvg(spans)),
    writeFile(path.join(folder, "create-waterfall.txt"), `${asText(spans)}\n`),
  ]);
}
