/** How many files handle a request before its operation is recorded: our files on the asynchronous stack at that moment. */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { acceptPush, type Push } from "../../src/gitops/accept-reconcile.ts";
import type { Context } from "../../src/integrations/context.ts";
import { everybody, type GitopsRig, integrationManifest, startGitopsRig, tenantManifest } from "../gitops/rig.ts";
import { integrationBodyFixture } from "./bodies.ts";
import { seed } from "./seed.ts";
import { type Running, start } from "./support.ts";

const source = path.resolve(import.meta.dirname, "../../src");
const c1 = "/v1/tenants/acme/integrations/c1";
let service: Running;
let rig: GitopsRig;
/** For each operation that was opened: the files of its stack frames, outermost first. */
let opened: string[][] = [];
const frames = Error.stackTraceLimit;

const framesOf = (stack = ""): string[] =>
  [...stack.matchAll(/file:\/\/([^:)]+):\d+/g)]
    .flatMap(([, file = ""]) => (file.startsWith(source) ? [path.relative(source, file)] : []))
    .reverse();

/** An operation's job is written in the same step as its row, so the stack of `enqueue` is the stack of both. */
function noteWays(context: Context): void {
  const { queue } = context;
  context.queue = {
    ...queue,
    enqueue: async (trx, job) => {
      opened.push(framesOf(new Error("here").stack));
      await queue.enqueue(trx, job);
    },
  };
}

/** The files of the only operation that was opened, each file once. */
const theWay = (): string[] => {
  assert.equal(opened.length, 1);
  return [...new Set(opened[0])];
};

before(async () => {
  service = await start();
  rig = await startGitopsRig();
  Error.stackTraceLimit = 200;
  noteWays(service.context);
  noteWays(rig.context);
});
after(async () => {
  Error.stackTraceLimit = frames;
  await service?.close();
  await rig?.close();
});
beforeEach(async () => {
  await seed(service.context);
  opened = [];
});

test("a PUT passes five files before its operation is recorded", async () => {
  const put = await service.call("PUT", c1, {
    body: { ...integrationBodyFixture, parameters: { bucket: "other" } },
    headers: { "if-match": "*" },
  });
  assert.equal(put.status, 202, put.text);
  assert.deepEqual(theWay(), [
    "http/server/serve.ts",
    "http/routes/integrations.ts",
    // It reads the state again if another change came in between.
    "integrations/accept.ts",
    "integrations/put.ts",
    "operations/open.ts",
  ]);
});

test("a DELETE passes four files before its operation is recorded", async () => {
  const gone = await service.call("DELETE", c1);
  assert.equal(gone.status, 202, gone.text);
  assert.deepEqual(theWay(), ["http/server/serve.ts", "http/routes/integrations.ts", "integrations/delete.ts", "operations/open.ts"]);
});

/** The files of a child's verb. The files before them (queue, run, lease) are the same for every operation and don't count. */
function wayOfChild(): string[] {
  const [accepted, child = [], ...others] = opened.splice(0);
  assert.deepEqual([accepted?.[0], others], ["gitops/accept-reconcile.ts", []]);
  const carried = child.findLastIndex((file) => file.startsWith("operations/") && file !== "operations/open.ts");
  assert.ok(carried > 0);
  return [...new Set(child.slice(carried + 1))];
}

test("a child of a reconcile passes the same files as a request: four for an update, three for a teardown", async () => {
  const push = async (revision: string, manifests: Push["manifests"]) => {
    const from = { repository: "https://git.example/ways", revision };
    const options = { prune: true, maxDeletes: 1, dryRun: false, atomic: false };
    const { id } = await acceptPush(rig.context, { ...options, source: from, manifests }, everybody);
    assert.equal((await rig.ended(id)).state, "succeeded");
    return wayOfChild();
  };
  const tenant = tenantManifest("ada");
  const added = await push("1", [tenant, integrationManifest("ada", "one")]);
  assert.deepEqual(added, ["gitops/reconcile.ts", "integrations/accept.ts", "integrations/put.ts", "operations/open.ts"]);
  assert.deepEqual(await push("2", [tenant]), ["gitops/reconcile.ts", "integrations/delete.ts", "operations/open.ts"]);
});
