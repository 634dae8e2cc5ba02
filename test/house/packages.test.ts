/** What npm installs: on every platform, and under which licence. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";

interface Locked {
  version?: string;
  license?: string;
  dev?: boolean;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}

const root = path.join(import.meta.dirname, "..", "..");

/** SPDX identifiers that allow use in a product under Apache-2.0 without opening its source. */
const allowed = new Set(["0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "Python-2.0"]);

/** Packages whose licence isn't one of those words, each read by a person. */
const read: Record<string, string> = {
  "@logdna/tail-file": "SEE LICENSE IN LICENSE", // the file is the MIT licence
  "spdx-exceptions": "CC-BY-3.0", // a list of names, used as it is
};

let packages: [string, Locked][];

before(async () => {
  const lock = JSON.parse(await readFile(path.join(root, "package-lock.json"), "utf8")) as { packages: Record<string, Locked> };
  packages = Object.entries(lock.packages).filter(([place]) => place !== "");
});

const nameOf = (place: string) => place.split("node_modules/").at(-1) ?? "";

/** `(MIT OR CC0-1.0)`: one may be chosen; `(BSD-3-Clause AND Apache-2.0)`: each must do. */
function isAllowed(licence: string): boolean {
  const bare = licence.replace(/^\((.*)\)$/, "$1");
  if (bare.includes(" OR ")) return bare.split(" OR ").some(isAllowed);
  return bare.split(" AND ").every((word) => allowed.has(word));
}

test("every package that ships has a licence from the list", () => {
  const shipped = packages.filter(([, { dev, optional }]) => !dev && !optional);
  const refused = shipped.filter(([place, { license = "none" }]) => !isAllowed(license) && read[nameOf(place)] !== license);
  assert.deepEqual(
    refused.map(([place, { license }]) => `${nameOf(place)}: ${license}`),
    [],
  );
  assert.ok(shipped.length > 100);
});

test("a licence that somebody else must grant is refused", () => {
  for (const licence of ["GPL-3.0", "AGPL-3.0-only", "(MIT AND GPL-3.0)", "SSPL-1.0", "none"])
    assert.equal(isAllowed(licence), false, licence);
  assert.equal(isAllowed("(GPL-3.0 OR MIT)"), true);
});

test("the lockfile names the binaries of every platform, or npm ci refuses it", () => {
  const locked = new Set(packages.map(([place]) => nameOf(place)));
  const wanted = packages.flatMap(([, { optionalDependencies = {} }]) => Object.keys(optionalDependencies));
  assert.deepEqual(
    wanted.filter((name) => !locked.has(name)),
    [],
  );
});

test("the lockfile names no registry", async () => {
  assert.doesNotMatch(await readFile(path.join(root, "package-lock.json"), "utf8"), /"resolved": "http/);
});
