/** A kind of stack is one file: nobody else asks which kind a stack is, and the table asks for a line for each. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import ts from "typescript";

const root = join(import.meta.dirname, "../..");

/** Where a kind's own name may be asked for: its file. The program of a kind lies in programs/. */
const ownFiles = new Set(
  ["role", "bucket-policy", "owned-key", "key-access", "collector", "kinds"].map((kind) => `src/integrations/stacks/${kind}.ts`),
);

const askedFor =
  /\.kind\s*[!=]== "(?:role|bucket-policy|kms-key|collector)"|case "(?:role|bucket-policy|kms-key|collector)"|"(?:existingKeyArn|encryptBucket)" in/;

/** Principals have kinds as well, `role` among them. */
const ofPrincipals = /\b(?:principal|named|asking|own|role|like)\??\.kind/;

const branches = (text: string): string[] => text.split("\n").filter((line) => askedFor.test(line) && !ofPrincipals.test(line));

test("only a kind's own file asks which kind a stack is", () => {
  const files = globSync(["src/**/*.ts", "stacks/**/*.ts"], { cwd: root }).filter((file) => !ownFiles.has(file));
  assert.ok(files.length > 200, "the files are found");
  const found = files.flatMap((file) => branches(readFileSync(join(root, file), "utf8")).map((line) => `${file}: ${line.trim()}`));
  assert.deepEqual(found, []);
});

test("a branch on a kind is seen, however it is written", () => {
  for (const line of [
    'if (spec.kind === "role") return;',
    'if (spec.kind !== "kms-key") return;',
    'case "bucket-policy":',
    'if ("existingKeyArn" in spec.inputs) {',
  ])
    assert.equal(branches(line).length, 1, line);
});

const kinds = "stacks/stack.ts";

/** Only a file that speaks of stacks can break by a new kind. */
const ofStacks = /\bStack(?:Kind|Spec|Inputs)\b|\bSpecOf\b/;

/** Parsed once: both looks are at the same libraries. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** Other people's packages aren't read: what is looked for is between our own files. */
const isReadable = (file: string): boolean => !file.includes("/node_modules/") || file.includes("/node_modules/typescript/");

/** The errors in the three folders with these files in the place of those on disk. */
function errorsOf(changed: Readonly<Record<string, string>>): string[] {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const options = { ...ts.parseJsonConfigFileContent(config, ts.sys, root).options, noEmit: true, noImplicitAny: false, types: [] };
  const host = ts.createCompilerHost(options);
  const contents = new Map(Object.entries(changed).map(([file, text]) => [join(root, file), text]));
  host.fileExists = (file) => contents.has(file) || (isReadable(file) && ts.sys.fileExists(file));
  host.getSourceFile = (file, target) => {
    const planted = contents.get(file);
    if (planted !== undefined) return ts.createSourceFile(file, planted, target);
    if (!parsed.has(file)) parsed.set(file, ts.createSourceFile(file, ts.sys.readFile(file) ?? "", target));
    return parsed.get(file);
  };
  const roots = ["src/integrations/put.ts", "src/integrations/up.ts", "src/drift/detect-drift.ts", "programs/registry.ts"];
  const program = ts.createProgram(
    [...roots, ...Object.keys(changed)].map((file) => join(root, file)),
    options,
    host,
  );
  const ours = program
    .getSourceFiles()
    .filter(({ fileName, text }) => /^\/(src|stacks|programs)\//.test(fileName.slice(root.length)) && ofStacks.test(text));
  return ours.flatMap((file) =>
    program.getSemanticDiagnostics(file).map(({ messageText }) => {
      const name = file.fileName.slice(root.length + 1);
      return `${name}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    }),
  );
}

/** What these files break that isn't broken without them. */
function errorsWith(changed: Readonly<Record<string, string>>): string[] {
  const always = new Set(errorsOf({}));
  return errorsOf(changed).filter((error) => !always.has(error));
}

const shapeOfProbe = readFileSync(join(root, kinds), "utf8")
  .replace('"collector"] as const', '"collector", "probe"] as const')
  .replace("  collector: Record<string, never>;", "  collector: Record<string, never>;\n  probe: { probed: string };");

test("a new kind is asked for in the three tables and nowhere else, and then is its file and its lines", () => {
  assert.ok(shapeOfProbe.includes('"probe"] as const') && shapeOfProbe.includes("probed"), "the kind is planted");
  const missing = errorsWith({ [kinds]: shapeOfProbe }).map((error) => error.split(":")[0]);
  assert.deepEqual([...new Set(missing)].sort(), ["programs/registry.ts", "src/integrations/stacks/kinds.ts", "stacks/kind-facts.ts"]);

  const line = (file: string, before: string, added: string): [string, string] => {
    const text = readFileSync(join(root, file), "utf8");
    assert.ok(text.includes(before), `${file} has its table`);
    return [file, text.replace(before, `${added}${before}`)];
  };
  const [table, tableText] = line("src/integrations/stacks/kinds.ts", "  collector: collectorRules,", "  probe: probeRules,\n");
  const added = Object.fromEntries([
    [kinds, shapeOfProbe],
    ["src/integrations/stacks/probe.ts", probeFile],
    ["programs/probe.ts", probeProgram],
    [table, `import { probeRules } from "./probe.ts";\n${tableText}`],
    line("stacks/kind-facts.ts", "  collector: {", "  probe: { destroyedLast: false, foundAgain: false },\n"),
    line("programs/registry.ts", "  role: roleProgram,", "  probe: probeProgram,\n"),
  ]);
  const registry = added["programs/registry.ts"] ?? "";
  assert.deepEqual(errorsWith({ ...added, "programs/registry.ts": `import { probeProgram } from "./probe.ts";\n${registry}` }), []);
});

const probeFile = `import type { SpecOf } from "../../../stacks/stack.ts";
import { plainRules, type StackRules } from "./stack-rules.ts";
export const probeRules = (spec: SpecOf<"probe">): StackRules => ({ ...plainRules(spec), sharedDocuments: [spec.inputs.probed] });
`;

const probeProgram = `import type { Program } from "./program.ts";
export const probeProgram: Program<"probe"> = () => ({});
`;
