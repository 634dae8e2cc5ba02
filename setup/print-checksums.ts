/**
 * `npm run checksums`: downloads what the image downloads and prints the build arguments with their SHA-256. Compare them with what
 * the vendor publishes before you build. PULUMI_ARCH and AWS_PLUGIN_ARCH in the environment choose another architecture.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { releasesIn } from "./releases.ts";

async function sha256Of(url: string): Promise<string> {
  const answer = await fetch(url);
  if (!answer.ok || !answer.body) throw new Error(`${url} answers ${answer.status}.`);
  const hash = createHash("sha256");
  for await (const part of answer.body) hash.update(part);
  return hash.digest("hex");
}

try {
  const dockerfile = await readFile(path.join(import.meta.dirname, "..", "Dockerfile"), "utf8");
  for (const { url, argument } of releasesIn(dockerfile, process.env)) {
    console.error(url);
    console.log(`--build-arg ${argument}=${await sha256Of(url)}`);
  }
} catch (error) {
  console.error(`The checksums can't be had here. ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
