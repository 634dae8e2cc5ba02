import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { generatedFiles } from "../../generate/generated.ts";
import { originOf } from "../../src/cli/folder.ts";
import { createTree, summaryLine } from "../../src/cli/tree.ts";
import { startSeeded } from "../http/support.ts";
import { drawbridge } from "./support.ts";

const verbs = [
  "login",
  "apply",
  "diff",
  "get",
  "describe",
  "wait",
  "events",
  "hand-off",
  "verify",
  "drift",
  "explain",
  "rotate",
  "approve",
  "destroy",
  "offboard",
  "sources",
  "pause",
  "resume",
  "blueprints",
];
const ofSources = ["list", "get", "apply", "fetch", "delete"];

describe("the command", { concurrency: false }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-cli-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test("--help names every verb and the exit codes", async () => {
    const { exit, out } = await drawbridge(["--help"]);
    assert.equal(exit, 0);
    for (const verb of verbs) assert.match(out, new RegExp(`^  ${verb}\\b`, "m"));
    assert.match(out, /3 {2}something differs/);
  });

  for (const verb of [...verbs, ...ofSources.map((one) => `sources ${one}`)]) {
    test(`${verb} --help says what it does and shows an example`, async () => {
      const { exit, out } = await drawbridge([...verb.split(" "), "--help"]);
      assert.equal(exit, 0);
      assert.match(out, /Examples?:\n {2}/);
      assert.match(out, new RegExp(`Usage: drawbridge ${verb}`));
    });
  }

  test("an unknown verb, a missing argument and a bad address end with 2", async () => {
    const env = { DRAWBRIDGE_URL: "http://127.0.0.1:1", DRAWBRIDGE_TOKEN: "t" };
    assert.equal((await drawbridge(["aply"])).exit, 2);
    assert.equal((await drawbridge(["wait"])).exit, 2);
    const { exit, err } = await drawbridge(["verify", "acme"], { env });
    assert.equal(exit, 2);
    assert.match(err, /<tenant>\/<name>/);
  });

  test("without a login it says how to log in and ends with 5", async () => {
    const { exit, err } = await drawbridge(["get", "tenants"], { env: { XDG_CONFIG_HOME: folder } });
    assert.equal(exit, 5);
    assert.match(err, /drawbridge login <url>/);
  });

  test("a service that isn't there ends with 6", async () => {
    const { exit, err } = await drawbridge(["get", "tenants"], { env: { DRAWBRIDGE_URL: "http://127.0.0.1:1", DRAWBRIDGE_TOKEN: "t" } });
    assert.equal(exit, 6);
    assert.match(err, /can't be reached/);
  });

  test("login reads the token from standard input, tries it, and keeps it for its owner alone", async () => {
    const service = await startSeeded();
    const env = { XDG_CONFIG_HOME: folder };
    assert.equal((await drawbridge(["login", service.url], { env, stdin: "wrong\n" })).exit, 5);
    const { exit, out } = await drawbridge(["login", service.url], { env, stdin: "admin-token\n" });
    assert.equal(exit, 0, out);
    assert.equal((await stat(path.join(folder, "drawbridge", "login.json"))).mode & 0o777, 0o600);
    const listed = await drawbridge(["get", "tenants"], { env });
    assert.match(listed.out, /^NAME +ACCOUNT/);
    assert.match(listed.out, /^acme /m);
    const elsewhere = await drawbridge(["get", "tenants", "--server", "http://127.0.0.1:1"], { env });
    assert.equal(elsewhere.exit, 5, "a token goes to the service it was kept for only");
    await service.close();
  });

  test("a refusal of the service shows its own words and ends with 1", async () => {
    const service = await startSeeded();
    const env = { DRAWBRIDGE_URL: service.url, DRAWBRIDGE_TOKEN: "admin-token" };
    const { exit, err } = await drawbridge(["describe", "nobody"], { env });
    assert.equal(exit, 1);
    assert.match(err, /not_found/);
    assert.equal((await drawbridge(["get", "tenants"], { env: { ...env, DRAWBRIDGE_TOKEN: "no" } })).exit, 5);
    const json = await drawbridge(["describe", "acme/c1", "-o", "json"], { env });
    assert.equal(JSON.parse(json.out).name, "c1");
    const yaml = await drawbridge(["describe", "acme", "-o", "yaml"], { env });
    assert.match(yaml.out, /^accountId: /m);
    await service.close();
  });

  test("sources are registered, listed, fetched and forgotten; pauses are set, listed and ended", async () => {
    const service = await startSeeded();
    const env = { DRAWBRIDGE_URL: service.url, DRAWBRIDGE_TOKEN: "admin-token" };
    const run = async (...args: string[]) => {
      const ran = await drawbridge(args, { env });
      assert.equal(ran.exit, 0, ran.err);
      return ran.out;
    };
    const read = async (path: string) => (await service.call("GET", path)).json;
    await run(
      "sources",
      "apply",
      "acme",
      "--repository",
      "https://git.example/acme",
      "--path",
      "deploy",
      "--credentials",
      "git-token",
      "--prune",
    );
    const { createdAt: _at, ...source } = await read("/v1/sources/acme");
    assert.deepEqual(source, {
      name: "acme",
      kind: "pull",
      repository: "https://git.example/acme",
      branch: "main",
      path: "deploy",
      credentials: "git-token",
      interval: 300,
      prune: true,
      maxDeletes: 0,
    });
    assert.match(await run("sources", "list"), /^NAME +KIND +REPOSITORY/);
    assert.match(await run("sources", "get", "acme"), /^repository +https:/m);
    assert.match(await run("sources", "fetch", "acme", "--no-wait"), /drawbridge wait/);
    assert.match(await run("sources", "delete", "acme"), /is forgotten/);
    await run("pause", "acme", "--reason", "they move buckets");
    assert.match(JSON.stringify(await read("/v1/pause")), /"scope":"tenant\/acme","reason":"they move buckets","requestedBy":"admin"/);
    await run("pause", "--all", "--reason", "audit");
    assert.match(await run("get", "pauses"), /^PAUSED +REASON/);
    await run("resume", "acme");
    await run("resume", "--all");
    assert.deepEqual(await read("/v1/pause"), { items: [], nextCursor: null });
    for (const bad of [
      ["pause", "--reason", "x"],
      ["resume"],
      ["pause", "acme"],
      ["resume", "acme", "--all"],
      ["sources"],
      ["sources", "apply", "x"],
    ])
      assert.equal((await drawbridge(bad, { env })).exit, 2, bad.join(" "));
    await service.close();
  });

  test("faulty manifests are named with file, line and column, and nothing is sent", async () => {
    const file = path.join(folder, "bad.yaml");
    await writeFile(file, "apiVersion: drawbridge/v1\nkind: Castle\n");
    const env = { DRAWBRIDGE_URL: "http://127.0.0.1:1", DRAWBRIDGE_TOKEN: "t" };
    const { exit, err } = await drawbridge(["apply", "-f", file], { env });
    assert.equal(exit, 2);
    assert.match(err, /bad\.yaml:2:7: kind: kind is Tenant or Integration/);
    assert.equal((await drawbridge(["apply", "-f", path.join(folder, "nothing-here")], { env })).exit, 2);
  });

  test("apply takes its origin from flags, else from CI, else from the folder", async () => {
    const github = {
      GITHUB_SERVER_URL: "https://github.com",
      GITHUB_REPOSITORY: "acme/access",
      GITHUB_SHA: "abc",
      GITHUB_RUN_NUMBER: "12",
    };
    assert.deepEqual(await originOf(folder, {}, github), { repository: "https://github.com/acme/access", revision: "abc", sequence: 12 });
    const gitlab = { CI_PROJECT_URL: "https://gitlab.com/acme/access", CI_COMMIT_SHA: "def", CI_PIPELINE_IID: "7" };
    assert.deepEqual(await originOf(folder, {}, gitlab), { repository: "https://gitlab.com/acme/access", revision: "def", sequence: 7 });
    assert.deepEqual(await originOf(folder, { repository: "r", revision: "v" }, github), { repository: "r", revision: "v", sequence: 12 });
    assert.deepEqual(await originOf(folder, {}, {}), { repository: `folder:${folder}`, revision: "working-copy" });
  });

  test("destroy asks for the name, and without a terminal for --yes", async () => {
    const env = { DRAWBRIDGE_URL: "http://127.0.0.1:1", DRAWBRIDGE_TOKEN: "t" };
    const { exit, err } = await drawbridge(["destroy", "acme/c1"], { env });
    assert.equal(exit, 2);
    assert.match(err, /--yes/);
  });

  test("a tree redraws on a terminal and is plain lines elsewhere", () => {
    const drawn = { terminal: "", log: "" };
    const sink = (key: keyof typeof drawn) => ({ write: (text: string) => (drawn[key] += text) }) as unknown as NodeJS.WritableStream;
    const trees = [
      createTree({ format: "table", live: true, out: sink("terminal") }, "apply"),
      createTree({ format: "table", live: false, out: sink("log") }, "apply"),
    ];
    const at = "2026-11-22T03:00:00.000Z";
    for (const tree of trees) {
      tree.on({ seq: 1, at, type: "state", data: { state: "running" } });
      tree.on({ seq: 2, at, type: "step-started", data: { name: "plan" } });
      tree.on({ seq: 3, at, type: "step-done", data: { name: "plan", ms: 1500 } });
      tree.end();
    }
    assert.ok(drawn.terminal.includes("\u001b[2A"), "it moves up to redraw");
    assert.ok(!drawn.log.includes("\u001b"));
    assert.equal(drawn.log, "apply\n03:00:00  running\n03:00:00  plan (1.5 s)\n");
    assert.equal(summaryLine({ added: 1, changed: 0, unchanged: 9 }), "1 added, 9 unchanged");
  });
});

test("what is generated from the code is current (else: npm run generate)", async () => {
  for (const [file, text] of await generatedFiles()) assert.ok((await readFile(file, "utf8")) === text, path.basename(file));
});
