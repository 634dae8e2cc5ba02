/**
 * The entry of a process that several test files share, whose paths are its arguments: each is loaded when the one before has ended, and
 * its tests and hooks belong to a suite of its own, which reporter.ts knows by its name.
 */
import { describe } from "node:test";
import { pathToFileURL } from "node:url";
import { closeKept, closeLeft, shareProcess } from "./left-open.ts";

shareProcess();
for (const file of process.argv.slice(2)) {
  const { href } = pathToFileURL(file);
  await describe(href, async () => {
    await import(href);
  });
  await closeLeft();
}
await closeKept();
