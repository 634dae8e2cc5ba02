/** `npm run generate`: writes the files that follow from the code. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { generatedFiles } from "./generated.ts";

for (const [file, text] of await generatedFiles()) {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  console.log(`wrote ${path.relative(process.cwd(), file)}`);
}
