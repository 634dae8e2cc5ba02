/** `npm run docs`: writes docs/vendors.md and docs/vendors/<vendor>.md from the blueprints and their guide.json. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { vendorPages } from "./vendor-pages/pages.ts";

const root = path.join(import.meta.dirname, "../..");
for (const [file, text] of vendorPages(root)) {
  await writeFile(path.join(root, file), text);
  console.log(file);
}
