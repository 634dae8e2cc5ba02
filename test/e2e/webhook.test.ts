import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { acceptPull } from "../../src/gitops/accept-reconcile.ts";
import { putSource } from "../../src/gitops/sources.ts";
import { findIntegration } from "../../src/store/integrations.ts";
import type { StoredOperation } from "../../src/store/operations.ts";
import { findSource } from "../../src/store/sources.ts";
import { type GitopsRig, integrationManifest, itemsOf, startGitopsRig, tenantManifest } from "../gitops/rig.ts";
import type { Reply } from "../http/call.ts";
import { apiOver, serveApi } from "../http/support.ts";

const run = promisify(execFile);
const secret = "It's a Secret to Everybody";
const commit = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";

/** The documented form, cut to what matters and some of what doesn't (GitHub docs, "Webhook events and payloads: push"). */
const payload = (change: Record<string, unknown> = {}): string =>
  JSON.stringify({
    ref: "refs/heads/main",
    before: "0".repeat(40),
    after: commit,
    created: false,
    deleted: false,
    forced: false,
    repository: { id: 186853002, name: "access", full_name: "acme/access", private: true },
    pusher: { name: "octocat", email: "octocat@github.com" },
    head_commit: { id: commit, message: `Grüße, ${randomUUID()}` },
    ...change,
  });
const sign = (body: string | Buffer, key = secret, algorithm = "sha256") =>
  `${algorithm}=${createHmac(algorithm, key).update(body).digest("hex")}`;

describe("a push at GitHub", { concurrency: false }, () => {
  let rig: GitopsRig;
  let server: Awaited<ReturnType<typeof serveApi>>;
  let folder: string;
  let work: string;
  const git = (...args: string[]) =>
    run("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", ...args], { cwd: work });
  const commitAll = async (message: string) => {
    await git("add", "-A");
    await git("commit", "-q", "-m", message);
    await git("push", "-q", "origin", "HEAD:main");
  };
  const deliver = (body: string | Buffer, headers: Record<string, string | undefined> = {}, source = "acme"): Promise<Reply> =>
    server.call("POST", `/v1/webhooks/${source}`, {
      token: null,
      body,
      headers: {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/044aadd",
        "x-github-event": "push",
        "x-github-delivery": randomUUID(),
        "x-hub-signature-256": sign(body),
        ...headers,
      },
    });

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-git-"));
    const [bare, secretsDir] = [path.join(folder, "access.git"), path.join(folder, "secrets")];
    work = path.join(folder, "work");
    await mkdir(secretsDir);
    await writeFile(path.join(secretsDir, "hook"), `${secret}\n`);
    await writeFile(path.join(secretsDir, "empty"), "\n");
    await writeFile(path.join(secretsDir, "short"), "abc\n");
    await run("git", ["init", "-q", "--bare", "-b", "main", bare]);
    await run("git", ["clone", "-q", bare, work]);
    await mkdir(path.join(work, "deploy"));
    await writeFile(path.join(work, "deploy", "a.json"), JSON.stringify(integrationManifest("acme", "one")));
    await writeFile(path.join(work, "deploy", "tenant.json"), JSON.stringify(tenantManifest("acme")));
    await writeFile(path.join(work, "elsewhere.yaml"), "kind: NotOurs\n");
    await commitAll("first");
    rig = await startGitopsRig({ secretsDir });
    server = await serveApi(await apiOver(rig.context));
    const body = {
      repository: bare,
      branch: "main",
      path: "deploy",
      interval: 3600,
      prune: true,
      maxDeletes: 1,
      webhookSecret: "hook",
      repositoryName: "acme/access",
    };
    await putSource(rig.context, {
      name: "acme",
      body,
      by: { subject: "ops", scopes: ["write", "destroy"], credential: { kind: "admin" } },
    });
    for (const hook of ["empty", "short", "missing"]) {
      await putSource(rig.context, {
        name: hook,
        body: { ...body, webhookSecret: hook },
        by: { subject: "ops", scopes: ["write", "destroy"], credential: { kind: "admin" } },
      });
    }
    const { webhookSecret: _none, ...silent } = body;
    await putSource(rig.context, {
      name: "silent",
      body: silent,
      by: { subject: "ops", scopes: ["write", "destroy"], credential: { kind: "admin" } },
    });
  });
  after(async () => {
    await server?.close();
    await rig?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("signed as documented, it makes the service fetch the branch and reconcile its folder", async () => {
    const answer = await deliver(payload());
    assert.equal(answer.status, 202, answer.text);
    const operation = await rig.ended(String(answer.json["operation"]));
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.deepEqual(
      itemsOf(operation).map(({ name, outcome, at }) => [name, outcome, at]),
      [
        ["one", "added", "deploy/a.json:1:1"],
        ["acme", "added", "deploy/tenant.json:1:1"],
      ],
    );
    assert.deepEqual(rig.ran, ["up acme/one"]);
    assert.equal((await findSource(rig.context.store.db, "acme"))?.revision?.length, 40);
  });

  test("GitHub's own test values verify", () => {
    assert.equal(sign("Hello, World!"), "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
  });

  const body = payload();
  const longAgo = { id: randomUUID(), body: payload() };
  const attacks: [string, () => Promise<Reply>][] = [
    ["no signature", () => deliver(body, { "x-hub-signature-256": undefined })],
    ["an empty signature", () => deliver(body, { "x-hub-signature-256": "" })],
    ["another secret", () => deliver(body, { "x-hub-signature-256": sign(body, "another secret altogether") })],
    ["the empty secret", () => deliver(body, { "x-hub-signature-256": sign(body, "") })],
    ["a secret with a line feed", () => deliver(body, { "x-hub-signature-256": sign(body, `${secret}\n`) })],
    ["the signature of another body", () => deliver(payload({ after: "a".repeat(40) }), { "x-hub-signature-256": sign(body) })],
    ["a changed byte", () => deliver(body.replace("octocat", "octodog"), { "x-hub-signature-256": sign(body) })],
    [
      "the same JSON with other white space",
      () => deliver(JSON.stringify(JSON.parse(body), null, 1), { "x-hub-signature-256": sign(body) }),
    ],
    ["the same text in UTF-16", () => deliver(Buffer.from(body, "utf16le"), { "x-hub-signature-256": sign(body) })],
    ["the same text with a byte order mark", () => deliver(`\ufeff${body}`, { "x-hub-signature-256": sign(body) })],
    ["bytes that aren't UTF-8", () => deliver(Buffer.from([0xff, 0xfe, 0x7b, 0x7d]))],
    ["SHA-1 in the SHA-256 header", () => deliver(body, { "x-hub-signature-256": sign(body, secret, "sha1") })],
    ["only the old SHA-1 header", () => deliver(body, { "x-hub-signature-256": undefined, "x-hub-signature": sign(body, secret, "sha1") })],
    ["a signature without its prefix", () => deliver(body, { "x-hub-signature-256": sign(body).slice(7) })],
    ["a signature in capitals", () => deliver(body, { "x-hub-signature-256": sign(body).toUpperCase() })],
    ["a signature cut short", () => deliver(body, { "x-hub-signature-256": sign(body).slice(0, -2) })],
    ["two signatures", () => deliver(body, { "x-hub-signature-256": `${sign(body, "x")}, ${sign(body)}` })],
    ["a form instead of JSON", () => deliver(body, { "content-type": "application/x-www-form-urlencoded" })],
    ["a compressed body", () => deliver(body, { "content-encoding": "gzip" })],
    ["an empty body", () => deliver("")],
    ["a body beyond the limit", () => deliver("x".repeat(1024 * 1024 + 1))],
    ["a source whose secret is empty", () => deliver(body, { "x-hub-signature-256": sign(body, "") }, "empty")],
    ["a source whose secret is too short", () => deliver(body, { "x-hub-signature-256": sign(body, "abc") }, "short")],
    ["a source whose secret is missing", () => deliver(body, { "x-hub-signature-256": sign(body, "") }, "missing")],
    ["a source without a secret", () => deliver(body, { "x-hub-signature-256": sign(body, "") }, "silent")],
    ["a source that isn't there", () => deliver(body, {}, "nobody")],
    ["another branch", () => deliver(payload({ ref: "refs/heads/attack" }))],
    ["a tag of the branch's name", () => deliver(payload({ ref: "refs/tags/main" }))],
    ["a branch whose name ends alike", () => deliver(payload({ ref: "refs/heads/x/main" }))],
    ["a deleted branch", () => deliver(payload({ deleted: true, after: "0".repeat(40) }))],
    ["another repository", () => deliver(payload({ repository: { full_name: "mallory/access" } }))],
    ["another event", () => deliver(payload(), { "x-github-event": "pull_request" })],
    ["a ping", () => deliver(payload(), { "x-github-event": "ping" })],
    ["a payload that is no push", () => deliver(JSON.stringify({ zen: "Speak like a human." }))],
    ["no delivery id", () => deliver(payload(), { "x-github-delivery": undefined })],
  ];
  for (const [what, attack] of attacks) {
    test(`${what} starts nothing`, async () => {
      const before = (await findSource(rig.context.store.db, "acme"))?.lastOperation;
      const answer = await attack();
      assert.notEqual(answer.status, 202, answer.text);
      assert.ok(answer.status < 500, answer.text);
      assert.ok(!answer.text.includes(secret));
      assert.equal((await findSource(rig.context.store.db, "acme"))?.lastOperation, before);
    });
  }

  test("a replay starts nothing, under the same id or another", async () => {
    const first = await deliver(longAgo.body, { "x-github-delivery": longAgo.id });
    assert.equal(first.status, 202);
    await rig.ended(String(first.json["operation"]));
    for (const id of [longAgo.id, randomUUID(), longAgo.id.toUpperCase()]) {
      const again = await deliver(longAgo.body, { "x-github-delivery": id });
      assert.deepEqual([again.status, again.json["ignored"]], [200, "It was delivered before."]);
    }
  });

  test("a file that can't be read is refused by its place, and keeps prune from doing anything", async () => {
    await writeFile(path.join(work, "deploy", "a.json"), "{ not: [yaml");
    await commitAll("broken");
    const source = await findSource(rig.context.store.db, "acme");
    assert.ok(source);
    const operation = await rig.ended((await acceptPull(rig.context, source, { requestedBy: "ops", asker: { subject: "ops" } })).id);
    assert.equal(operation.error?.code, "reconcile_incomplete");
    assert.ok(itemsOf(operation).some(({ outcome, at }) => outcome === "refused" && at?.startsWith("deploy/a.json:1:")));
    assert.ok(itemsOf(operation).some(({ name, outcome }) => name === "one" && outcome === "kept"));
    assert.equal((await findIntegration(rig.context.store.db, "acme", "one"))?.goneAt, undefined);
  });

  test("a link out of the repository is not followed, and keeps prune from doing anything; a manifest that is gone is pruned", async () => {
    await rm(path.join(work, "deploy", "a.json"));
    await writeFile(path.join(folder, "outside.json"), JSON.stringify(integrationManifest("acme", "outside")));
    await symlink(path.join(folder, "outside.json"), path.join(work, "deploy", "link.json"));
    await commitAll("link");
    const outcomes = (operation: StoredOperation) => itemsOf(operation).map(({ name, outcome }) => [name, outcome]);
    const linked = await deliver(payload());
    assert.deepEqual(outcomes(await rig.ended(String(linked.json["operation"]))), [
      ["acme", "unchanged"],
      ["deploy/link.json", "refused"],
      ["one", "kept"],
    ]);
    await rm(path.join(work, "deploy", "link.json"));
    await commitAll("no link");
    const answer = await deliver(payload());
    const operation = await rig.ended(String(answer.json["operation"]));
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.deepEqual(outcomes(operation), [
      ["acme", "unchanged"],
      ["one", "pruned"],
    ]);
    assert.equal(rig.ran.at(-1), "destroy acme/one");
  });

  test("a repository that isn't there fails by name and tells nothing else", async () => {
    const source = { ...(await findSource(rig.context.store.db, "acme")), repository: path.join(folder, "nowhere.git"), name: "acme" };
    await putSource(rig.context, {
      name: "acme",
      body: source as never,
      by: { subject: "ops", scopes: ["write", "destroy"], credential: { kind: "admin" } },
    });
    const now = await findSource(rig.context.store.db, "acme");
    assert.ok(now);
    const operation = await rig.ended((await acceptPull(rig.context, now, { requestedBy: "ops", asker: { subject: "ops" } })).id);
    assert.deepEqual([operation.error?.code, operation.error?.cause], ["source_unreachable", "no-such-repository"]);
  });
});
