/**
 * A PGlite database as initdb makes it, made once for a whole run of the tests and copied: initdb costs two to three CPU-seconds, more
 * than most of what the tests do with a store. Migrations run on each copy; `test/store/store.test.ts` begins without one.
 */
import { cp } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";
import { pgliteFolder } from "../../src/store/store.ts";

const variable = "DRAWBRIDGE_TEST_DATABASE";

/** Makes it in `folder`; answers what tells test files of it. */
export async function makeEmptyDatabase(folder: string): Promise<NodeJS.ProcessEnv> {
  await (await PGlite.create(folder)).close();
  return { [variable]: folder };
}

/** Lays a copy where the store of `dataDir` looks; without one the store makes its own. */
export async function layEmptyDatabase(dataDir: string): Promise<void> {
  const made = process.env[variable];
  if (made !== undefined) await cp(made, pgliteFolder(dataDir), { recursive: true });
}
