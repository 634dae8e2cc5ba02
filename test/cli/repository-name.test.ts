/** What the command sends as the repository's name: never a token, whoever gave the name. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import fc from "fast-check";
import { originOf } from "../../src/cli/folder.ts";
import { pushSourceName } from "../../src/gitops/push-source.ts";
import { repositoryFault, repositoryName } from "../../src/model/repository-name.ts";
import { listOperations } from "../../src/store/operations.ts";
import { startGitopsRig } from "../gitops/rig.ts";
import { apiOver, serveApi } from "../http/support.ts";
import { faulty, fine, secret } from "./repository-cases.ts";
import { drawbridge } from "./support.ts";

const git = (folder: string, ...args: string[]) => promisify(execFile)("git", ["-C", folder, ...args]);
const withToken = `https://x-access-token:${secret}@git.example/acme/access.git`;
const withoutToken = "https://git.example/acme/access.git";

let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-origin-"));
  await git(folder, "init", "--quiet");
  await git(folder, "remote", "add", "origin", withToken);
});
after(() => rm(folder, { recursive: true, force: true }));

const repositoryOf = async (flags: { repository?: string }, env: NodeJS.ProcessEnv = {}) => (await originOf(folder, flags, env)).repository;

describe("a repository's name is cleaned before it is sent", () => {
  for (const [what, [given, sent]] of Object.entries(faulty)) {
    test(what, async () => {
      assert.equal(await repositoryOf({ repository: given }), sent);
      assert.ok(!sent.includes(secret));
      assert.equal(repositoryFault(sent), undefined, "the service takes what is sent");
    });
  }

  test("names without a credential stay as they are", async () => {
    for (const name of fine) assert.equal(await repositoryOf({ repository: name }), name);
  });

  test("whether it comes from GitHub's variables, GitLab's, or the folder's own remote", async () => {
    const github = { GITHUB_SERVER_URL: `https://u:${secret}@github.example`, GITHUB_REPOSITORY: "acme/access" };
    assert.equal(await repositoryOf({}, github), "https://github.example/acme/access");
    const gitlab = { CI_PROJECT_URL: `https://gitlab-ci-token:${secret}@gitlab.example/acme/access` };
    assert.equal(await repositoryOf({}, gitlab), "https://gitlab.example/acme/access");
    assert.equal(await repositoryOf({}), withoutToken);
  });

  test("a name of which nothing is left is a wrong argument, in words that don't repeat it", async () => {
    for (const repository of [`?token=${secret}`, `u:${secret}@`, " "]) {
      await assert.rejects(
        repositoryOf({ repository }),
        (error: Error) => !error.message.includes(secret) && /--repository/.test(error.message),
      );
    }
  });

  test("diff sends the remote's URL without its token, and shows it nowhere", async () => {
    const rig = await startGitopsRig();
    const service = await serveApi(await apiOver(rig.context));
    const manifest = { apiVersion: "drawbridge/v1", kind: "Tenant", metadata: { name: "acme" }, spec: {} };
    await writeFile(path.join(folder, "acme.json"), JSON.stringify(manifest));
    const ran = await drawbridge(["diff", "-f", folder], { env: { DRAWBRIDGE_URL: service.url, DRAWBRIDGE_TOKEN: "admin-token" } });
    const { items } = await listOperations(rig.context.store.db, { tenants: "*", limit: 9 });
    assert.equal(items.length, 1, ran.err);
    assert.equal(items[0]?.request["source"], pushSourceName(withoutToken));
    assert.ok(!JSON.stringify([items, ran]).includes(secret));
    await rig.close();
    await service.close();
  });
});

test("whatever is given, what the command sends is what the service takes, and a URL of it has no user and no query", () => {
  const parts = ["https", "HTTP", "ssh", "git+https", "ftp", "file", "folder", "C", "u", "host.example", "12", "%40", "%3A", "%25"];
  const marks = [":", "/", "//", "\\", "@", "?", "#", " ", "\t", "[", "]", "."];
  const text = fc.array(fc.constantFrom(...parts, ...marks), { maxLength: 12 }).map((list) => list.join(""));
  fc.assert(
    fc.property(text, (given) => {
      const sent = repositoryName(given);
      assert.equal(repositoryFault(sent), undefined);
      assert.equal(repositoryFault(given) === undefined, sent === given);
      // A drive has one letter, and in a folder a question mark is a part of the name.
      const url = /^(folder|file|[a-z]):/i.test(sent) ? undefined : URL.parse(sent);
      if (!url) return;
      assert.equal(url.password + url.search + url.hash, "");
      assert.ok(url.username === "" || url.protocol.includes("ssh"), "only ssh has users");
    }),
    { numRuns: 5_000, examples: [["u:\\?https"]] },
  );
});
