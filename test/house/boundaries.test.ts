/** Breaks each import rule once, in a scratch tree, and sees the check fail for exactly that reason. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";

const root = path.join(import.meta.dirname, "..", "..");
const { forbidden } = createRequire(import.meta.url)(path.join(root, ".dependency-cruiser.cjs")) as { forbidden: { name: string }[] };

/** rule → [the file that breaks it, what that file says] */
const violations: Record<string, [string, string]> = {
  "problem-lies-below-everything": ["src/problem.ts", `import { kinds } from "../stacks/stack.ts"; export const problem = () => kinds();`],
  "processes-know-nothing-of-ours": ["src/processes.ts", `import { log } from "./log.ts"; export const isAlive = () => log();`],
  "iam-is-pure": ["src/iam/planted-clock.ts", `import { request } from "node:http"; request("x");`],
  "model-is-shapes-and-rules": ["src/model/planted.ts", `import { log } from "../log.ts"; log();`],
  "model-knows-proofs-and-stacks-by-type": ["src/model/planted-value.ts", `import { kinds } from "../../stacks/stack.ts"; kinds();`],
  "stacks-are-pure": ["stacks/planted.ts", `import { log } from "../src/log.ts"; log();`],
  "blueprints-are-pure": ["src/blueprints/planted-reader.ts", `import { readFile } from "node:fs/promises"; readFile("x");`],
  "vendors-stand-alone": ["src/blueprints/planted-copy.ts", `import { acme } from "./acme.ts"; acme();`],
  "vendors-are-known-to-the-registry-alone": [
    "src/integrations/planted-vendor.ts",
    `import { acme } from "../blueprints/acme.ts"; acme();`,
  ],
  "programs-make-resources-and-nothing-else": ["programs/planted.ts", `import { log } from "../src/log.ts"; log();`],
  "programs-know-stacks-by-type": ["programs/planted-value.ts", `import { kinds } from "../stacks/stack.ts"; kinds();`],
  "engine-alone-drives-pulumi": [
    "src/operations/planted-update.ts",
    `import { Stack } from "@pulumi/pulumi/automation/index.js"; Stack.create("x");`,
  ],
  "pulumi-stays-in-runners": ["src/planted-pulumi.ts", `import { Role } from "@pulumi/aws/iam/role.js"; new Role("x");`],
  "engine-has-a-front-door": ["src/operations/planted-door.ts", `import { pool } from "../engine/runner/runner-pool.ts"; pool();`],
  "engine-knows-no-verbs": ["src/engine/planted.ts", `import { log } from "../log.ts"; log();`],
  "http-alone-touches-express": ["src/operations/planted-web.ts", `import express from "express"; express();`],
  "http-parses-and-calls": ["src/http/planted.ts", `import { act } from "../accounts/actions.ts"; act();`],
  "the-server-knows-no-verb": ["src/http/server/planted.ts", `import { put } from "../../integrations/put.ts"; put();`],
  "routes-stand-alone": ["src/http/routes/planted.ts", `import { keyRoutes } from "./keys.ts"; keyRoutes();`],
  "http-is-imported-from-above": ["src/gitops/planted-http.ts", `import { app } from "../http/server/app.ts"; app();`],
  "access-is-imported-from-above": [
    "src/store/planted-caller.ts",
    `import type { Caller } from "../access/caller.ts"; export type C = Caller;`,
  ],
  "gitops-is-imported-from-above": ["src/drift/planted-git.ts", `import { fetch } from "../gitops/fetch.ts"; fetch();`],
  "drift-is-imported-from-above": ["src/gitops/planted-drift.ts", `import { look } from "../drift/look.ts"; look();`],
  "vendors-is-imported-from-above": ["src/tenants/planted-vendor.ts", `import { revoke } from "../vendors/revoke.ts"; revoke();`],
  "tenants-is-imported-from-above": [
    "src/integrations/planted-tenant.ts",
    `import { register } from "../tenants/register.ts"; register();`,
  ],
  "integrations-is-imported-from-above": ["src/operations/planted-verb.ts", `import { put } from "../integrations/put.ts"; put();`],
  "operations-is-imported-from-above": [
    "src/accounts/planted-run.ts",
    `import type { Run } from "../operations/run.ts"; export type R = Run;`,
  ],
  "accounts-is-imported-from-above": ["src/operations/planted-act.ts", `import { act } from "../accounts/actions.ts"; act();`],
  "store-is-imported-from-above": ["src/engine/planted-record.ts", `import type { Row } from "../store/rows.ts"; export type R = Row;`],
  "composition-is-imported-by-nobody-below": ["src/accounts/planted-config.ts", `import { config } from "../config.ts"; config();`],
  "verbs-use-what-lies-below": ["src/integrations/planted.ts", `import { spawn } from "node:child_process"; spawn("x");`],
  "operations-run-what-they-are-given": [
    "src/operations/planted-engine.ts",
    `import type { Engine } from "../engine/engine.ts"; export type E = Engine;`,
  ],
  "command-talks-to-the-api-alone": ["src/cli/planted.ts", `import { put } from "../integrations/put.ts"; put();`],
  "operations-know-no-blueprint": [
    "src/operations/planted-recipe.ts",
    `import { blueprints } from "../blueprints/registry.ts"; blueprints();`,
  ],
  "accounts-keep-no-records": ["src/accounts/planted-row.ts", `import type { Row } from "../store/rows.ts"; export type R = Row;`],
  "store-keeps-and-nothing-else": ["src/store/planted.ts", `import { act } from "../accounts/actions.ts"; act();`],
  "aws-has-few-doors": ["src/operations/planted-aws.ts", `import { IAMClient } from "@aws-sdk/client-iam"; new IAMClient();`],
  "sql-has-few-doors": ["src/operations/planted-sql.ts", `import { sql } from "kysely"; sql\`select 1\`;`],
  "test-is-imported-by-test": ["setup/planted-test.ts", `import { equipment } from "../test/support/equipment.ts"; equipment();`],
  "sandbox-never-ships": ["src/planted-sandbox.ts", `import { start } from "../sandbox/start.ts"; start();`],
  "setup-stands-alone": ["setup/planted.ts", `import { log } from "../src/log.ts"; log();`],
  "no-cycles": ["src/iam/planted-a.ts", `import type { B } from "./planted-b.ts"; export interface A { b: B }`],
  "production-without-dev-dependencies": ["src/planted-dev.ts", `import fc from "fast-check"; fc.sample(fc.nat());`],
  "declared-dependencies": ["src/planted-undeclared.ts", `import qs from "qs"; qs.parse("x");`],
  resolvable: ["src/planted-nowhere.ts", `import { gone } from "./nowhere.ts"; gone();`],
};

/** What the planted files import, and neighbours that keep the rules. */
const innocent: Record<string, string> = {
  "src/log.ts": "export const log = () => {};",
  "src/config.ts": "export const config = () => {};",
  "src/iam/words/arn.ts": `import { z } from "zod"; import { problem } from "../../problem.ts"; export const arn = () => problem(z);`,
  "src/iam/planted-b.ts": `import type { A } from "./planted-a.ts"; export interface B { a: A }`,
  "src/access/caller.ts": "export interface Caller { subject: string }",
  "src/gitops/fetch.ts": "export const fetch = () => {};",
  "src/drift/look.ts": "export const look = () => {};",
  "src/vendors/revoke.ts": "export const revoke = () => {};",
  "src/store/rows.ts": "export interface Row { id: string }",
  "src/tenants/register.ts": "export const register = () => {};",
  "src/operations/run.ts": "export interface Run { id: string }",
  "src/blueprints/acme.ts": `import { arn } from "../iam/words/arn.ts"; export const acme = () => arn();`,
  "src/blueprints/registry.ts": `import { acme } from "./acme.ts"; export const blueprints = [acme];`,
  "src/http/routes/keys.ts": `import { put } from "../../integrations/put.ts"; export const keyRoutes = () => put();`,
  "src/http/server/app.ts": `import express from "express"; export const app = express;`,
  "src/integrations/put.ts": `import { log } from "../log.ts"; import { act } from "../accounts/actions.ts"; export const put = () => act(log);`,
  "src/accounts/actions.ts": `import { IAMClient } from "@aws-sdk/client-iam"; export const act = () => new IAMClient();`,
  "src/engine/engine.ts": "export interface Engine { update: () => void }",
  "src/engine/runner/runner-pool.ts": "export const pool = () => {};",
  "stacks/stack.ts": "export const kinds = () => {}; export interface Spec { kind: string }",
  "programs/role.ts": `import { Role } from "@pulumi/aws/iam/role.js"; import type { Spec } from "../stacks/stack.ts"; export const role = (spec: Spec) => new Role(spec.kind);`,
  "sandbox/start.ts": "export const start = () => {};",
  "test/support/equipment.ts": `import { start } from "../../sandbox/start.ts"; export const equipment = () => start();`,
};

interface Violation {
  from: string;
  rule: { name: string };
}

let folder: string;
let found: Violation[];

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-boundaries-"));
  for (const name of ["package.json", "tsconfig.json", ".dependency-cruiser.cjs"]) await cp(path.join(root, name), path.join(folder, name));
  await symlink(path.join(root, "node_modules"), path.join(folder, "node_modules"), "dir");
  for (const [name, text] of [...Object.values(violations), ...Object.entries(innocent)]) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), `${text}\n`);
  }
  found = await check();
});

after(() => rm(folder, { recursive: true, force: true }));

function check(): Promise<Violation[]> {
  const bin = path.join(root, "node_modules", ".bin", "depcruise");
  const folders = ["src", "stacks", "programs", "sandbox", "setup", "test"];
  return new Promise((resolve, reject) => {
    const args = ["--config", ".dependency-cruiser.cjs", "--output-type", "json", ...folders];
    execFile(process.execPath, [bin, ...args], { cwd: folder, maxBuffer: 64 << 20 }, (_error, stdout, stderr) => {
      if (stdout === "") return reject(new Error(stderr));
      const { summary } = JSON.parse(stdout) as { summary: { violations: Violation[] } };
      resolve(summary.violations);
    });
  });
}

describe("an import rule that is broken fails the check", () => {
  for (const { name } of forbidden) {
    test(name, () => {
      const planted = violations[name];
      assert.ok(planted, `no violation of ${name} is planted`);
      const files = found.filter(({ rule }) => rule.name === name).map(({ from }) => from);
      assert.ok(files.includes(planted[0]), `${planted[0]} is not refused by ${name}: ${JSON.stringify(files)}`);
    });
  }
});

test("files that keep the rules are refused by none", () => {
  const kept = new Set(Object.keys(innocent).filter((name) => !name.includes("planted")));
  assert.deepEqual(
    found.filter(({ from }) => kept.has(from)),
    [],
  );
});
