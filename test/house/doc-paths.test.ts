/** A page that names a file names one that is there. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { before, test } from "node:test";

const root = path.join(import.meta.dirname, "..", "..");
const folders = ["src", "stacks", "programs", "test", "docs", "bench", "sandbox", "setup", "generate", "schemas", "container", "examples"];
const inFolder = new RegExp(`^(?:${folders.join("|")}|\\.ci|\\.github)/`);

/** Files by their last name, for pages that have just said which folder they speak of. */
const names = new Set<string>();
const pages = globSync(["*.md", "docs/**/*.md", "sandbox/*.md"], { cwd: root });

before(() => {
  for (const file of globSync(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: root },
  ))
    names.add(path.basename(file));
});

/** What a page calls a file: code that looks like a path, without places to fill in (`<vendor>`, `…`), and outside of blocks. */
function filesNamed(text: string): string[] {
  const prose = text.replaceAll(/^```.*$[\s\S]*?^```$/gm, "");
  const code = [...prose.matchAll(/`([\w./@-]+)`/g)].map(([, name = ""]) => name);
  return code.filter((name) => inFolder.test(name) || /^[\w-]+(?:\.[\w-]+)*\.ts$/.test(name));
}

const isThere = (name: string): boolean => (inFolder.test(name) ? existsSync(path.join(root, name)) : names.has(name));

/** Where a page's links lead, from the page's own folder; other sites and places of the same page aside. */
function linksOf(text: string): string[] {
  return [...text.matchAll(/\]\(([^)#\s:]+)(?:#[^)]*)?\)/g)].map(([, to = ""]) => to);
}

test("every file that a page names in code is there; decisions are history and may name files that have gone", () => {
  const told = pages
    .filter((page) => !page.startsWith("docs/adr/") && page !== "CHANGELOG.md")
    .flatMap((page) => filesNamed(readFileSync(path.join(root, page), "utf8")).map((name) => ({ page, name })));
  assert.ok(told.length > 100, "the pages are found");
  assert.deepEqual(
    told.filter(({ name }) => !isThere(name)),
    [],
  );
});

test("every link of a page to a file leads somewhere", () => {
  const links = pages.flatMap((page) => linksOf(readFileSync(path.join(root, page), "utf8")).map((to) => ({ page, to })));
  assert.ok(links.length > 50, "the links are found");
  assert.deepEqual(
    links.filter(({ page, to }) => !existsSync(path.join(root, path.dirname(page), to))),
    [],
  );
});

test("a file that has gone is seen, by its path and by its name", () => {
  const text = "`src/integrations/put.ts` calls `decide.ts`, never `src/gone.ts` or `gone.ts`; see [x](docs/spec) and `test/<same path>`.";
  assert.deepEqual(
    filesNamed(text).filter((name) => !isThere(name)),
    ["src/gone.ts", "gone.ts"],
  );
  assert.deepEqual(linksOf(text), ["docs/spec"]);
});
