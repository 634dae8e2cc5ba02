import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import typescript from "typescript";
import { readManifests } from "../../src/gitops/manifests.ts";
import { readFiles } from "../../src/gitops/read-files.ts";
import { yamlLimits } from "../../src/gitops/yaml-limits.ts";
import { ProblemError } from "../../src/problem.ts";

const root = path.join(import.meta.dirname, "..", "..");
const tenant = (name: string) => `---\napiVersion: drawbridge/v1\nkind: Tenant\nmetadata: { name: ${name} }\nspec: { accountId: "1" }\n`;
const { signal } = new AbortController();
const refused = async (work: Promise<unknown>, cause: string) => {
  const error = await work.then(
    () => assert.fail("it was read"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ProblemError, String(error));
  assert.deepEqual([error.problem.code, error.problem.cause], ["source_unreachable", cause]);
};

/** Of the largest size: some seconds' work, and refused at its very end. */
const worst = `a:\n${"  # c\n".repeat(Math.floor((yamlLimits.bytes - 20) / 6))}  b: ]\n`;

test("another thread reads the same as this one, in the files' order", async () => {
  const files = [
    { path: "b.yaml", text: tenant("b1") + tenant("b2") },
    { path: "broken.yaml", text: "a: [1, 2\nb: }\n" },
    { path: "empty.yaml", text: "# nothing\n" },
    { path: "a.yaml", text: `${tenant("a")}---\nkind: Castle\n` },
  ];
  const here = files.map(({ path: file, text }) => readManifests(file, text));
  const read = await readFiles(files, { signal });
  assert.deepEqual(read, {
    manifests: here.flatMap(({ manifests }) => manifests.map(({ manifest, positionOf }) => ({ manifest, position: positionOf() }))),
    faults: here.flatMap(({ faults }) => faults),
  });
  assert.deepEqual(
    read.manifests.map(({ position }) => `${position.file}:${position.line}`),
    ["b.yaml:2", "b.yaml:7", "a.yaml:2"],
  );
  assert.deepEqual(await readFiles([], { signal }), { manifests: [], faults: [] });
});

test("while the worst file is read and refused, this thread goes on answering", async (context) => {
  const began = performance.now();
  assert.equal(readManifests("worst.yaml", worst).faults.length, 1);
  const alone = performance.now() - began;
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const { faults } = await readFiles([{ path: "worst.yaml", text: worst }], { signal });
  delay.disable();
  assert.equal(faults.length, 1);
  const longest = delay.max / 1e6;
  context.diagnostic(`this thread waited ${longest.toFixed(0)} ms at most; reading here takes ${alone.toFixed(0)} ms`);
  // 10 to 40 ms on a quiet machine; tests share theirs, and reading here would take seconds.
  assert.ok(longest < Math.max(100, alone / 4), `${longest} ms`);
});

test("what takes too long is ended and gives nothing", async () => {
  await refused(readFiles([{ path: "a.yaml", text: tenant("a") }], { signal, milliseconds: 1 }), "too-slow-to-read");
  const began = performance.now();
  const files = Array.from({ length: 16 }, (_, index) => ({ path: `${index}.yaml`, text: worst }));
  await refused(readFiles(files, { signal, milliseconds: 300 }), "too-slow-to-read");
  assert.ok(performance.now() - began < 10_000, "it didn't wait for the files, which take half a minute");
});

test("what takes too much memory is ended and gives nothing", async () => {
  await refused(readFiles([{ path: "worst.yaml", text: worst }], { signal, heapMegabytes: 16 }), "too-large-to-read");
});

test("more manifests than a source may have are refused, however many files they stand in", async () => {
  const files = (count: number) =>
    Array.from({ length: count }, (_, file) => ({
      path: `${file}.yaml`,
      text: Array.from({ length: 500 }, (_unused, index) => tenant(`t${file}-${index}`)).join(""),
    }));
  assert.equal((await readFiles(files(10), { signal })).manifests.length, 5_000);
  await refused(readFiles(files(11), { signal }), "too-many");
});

test("whoever stops it gets his own reason", async () => {
  const stop = new AbortController();
  const reading = readFiles([{ path: "worst.yaml", text: worst }], { signal: stop.signal });
  const why = new Error("cancelled");
  await sleep(50);
  stop.abort(why);
  await assert.rejects(reading, why);
  await assert.rejects(readFiles([{ path: "a.yaml", text: "" }], { signal: stop.signal }), why);
});

test("a file that the thread can't read fails all of them, rather than pass for an empty one", async () => {
  const files = [
    { path: "a.yaml", text: tenant("a") },
    { path: "b.yaml", text: 1 as never },
  ];
  await refused(readFiles(files, { signal, milliseconds: 30_000 }), "reading-failed");
});

test("the build's JavaScript starts its thread, too", async () => {
  const cache = path.join(root, "node_modules", ".cache");
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(path.join(cache, "read-files-"));
  try {
    await writeFile(path.join(folder, "package.json"), '{ "type": "module" }');
    const names = ["read-files", "read-files-worker", "manifests", "strict-yaml", "yaml-limits", "yaml-tokens", "yaml-values"];
    const shapes = ["manifest", "integration", "names", "tenant"];
    const all = ["problem", ...shapes.map((name) => `model/${name}`), ...names.map((name) => `gitops/${name}`)];
    for (const file of all) await compile(folder, file);
    const built: { readFiles: typeof readFiles } = await import(path.join(folder, "gitops", "read-files.js"));
    const { manifests } = await built.readFiles([{ path: "a.yaml", text: tenant("a") }], { signal });
    assert.equal(manifests[0]?.manifest.metadata.name, "a");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** As `npm run build` does it, without the minute that checking the types of everything takes. */
async function compile(folder: string, file: string): Promise<void> {
  const source = await readFile(path.join(root, "src", `${file}.ts`), "utf8");
  const { config } = typescript.readConfigFile(path.join(root, "tsconfig.json"), typescript.sys.readFile);
  const { options } = typescript.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const compilerOptions = { ...options, module: typescript.ModuleKind.ESNext };
  const { outputText } = typescript.transpileModule(source, { compilerOptions, fileName: `${file}.ts` });
  const target = path.join(folder, `${file}.js`);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, outputText);
}
