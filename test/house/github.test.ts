/** What GitHub reads: the workflows and the issue forms. */
import assert from "node:assert/strict";
import { glob, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";
import { parseDocument } from "yaml";

const root = path.join(import.meta.dirname, "..", "..");

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}

interface Workflow {
  permissions?: unknown;
  jobs: Record<string, { permissions?: unknown; "timeout-minutes"?: number; steps: Step[] }>;
}

interface Form {
  name: string;
  description: string;
  body: { type: string; id?: string; attributes: Record<string, unknown> }[];
}

const workflows = new Map<string, Workflow>();
const forms = new Map<string, Form>();

async function readYaml(file: string): Promise<unknown> {
  const document = parseDocument(await readFile(path.join(root, file), "utf8"));
  assert.deepEqual([...document.errors, ...document.warnings], [], file);
  return document.toJS();
}

before(async () => {
  for await (const file of glob(".github/workflows/*.yml", { cwd: root })) workflows.set(file, (await readYaml(file)) as Workflow);
  for await (const file of glob(".github/ISSUE_TEMPLATE/*.yml", { cwd: root })) {
    if (path.basename(file) !== "config.yml") forms.set(file, (await readYaml(file)) as Form);
  }
});

test("a pull request runs .ci/run, which may be executed", async () => {
  const steps = Object.values(workflows.get(".github/workflows/ci.yml")?.jobs ?? {}).flatMap((job) => job.steps);
  assert.ok(steps.some(({ run }) => run === ".ci/run"));
  assert.ok(((await stat(path.join(root, ".ci/run"))).mode & 0o111) !== 0);
});

test("every action is pinned by the SHA of a commit, with its version beside it", async () => {
  for (const file of workflows.keys()) {
    const uses = [...(await readFile(path.join(root, file), "utf8")).matchAll(/^\s*-? *uses: *(.*)$/gm)].map(([, action = ""]) => action);
    assert.ok(uses.length > 0, file);
    for (const action of uses) assert.match(action, /^[\w-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, file);
  }
});

test("a workflow may read the repository and nothing else, leaves no token behind, and ends by itself", () => {
  assert.ok(workflows.size > 0);
  for (const [file, { permissions, jobs }] of workflows) {
    assert.deepEqual(permissions, { contents: "read" }, file);
    for (const job of Object.values(jobs)) {
      assert.equal(job.permissions, undefined, file);
      assert.ok(job["timeout-minutes"] !== undefined, file);
      for (const step of job.steps.filter(({ uses }) => uses?.startsWith("actions/checkout@")))
        assert.equal(step.with?.["persist-credentials"], false, file);
    }
  }
});

/** GitHub's documentation, "Syntax for GitHub's form schema". */
const inputs = ["input", "textarea", "dropdown", "checkboxes"];

test("every issue form has what GitHub asks of one", () => {
  assert.ok(forms.size >= 2);
  for (const [file, { name, description, body }] of forms) {
    assert.ok(name && description, file);
    const asked = body.filter(({ type }) => type !== "markdown");
    assert.ok(asked.length > 0, file);
    assert.equal(new Set(asked.map(({ id }) => id)).size, asked.length, `${file}: each field has an id of its own`);
    for (const { type, attributes } of asked) {
      assert.ok(inputs.includes(type), `${file}: ${type}`);
      assert.equal(typeof attributes["label"], "string", file);
      if (type === "dropdown")
        assert.ok(
          (attributes["options"] as unknown[]).every((option) => typeof option === "string"),
          file,
        );
    }
  }
});
