/** What a folder holds and the command can't read is a fault: a manifest that counted as absent would be pruned. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { readFolder } from "../../src/cli/folder.ts";
import { largestFile } from "../../src/gitops/manifests.ts";

const manifest = (name: string) => JSON.stringify({ apiVersion: "drawbridge/v1", kind: "Tenant", metadata: { name }, spec: {} });
const sockets = createServer();
let root: string;
let folder: string;
before(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), "drawbridge-folder-"));
});
after(() => sockets.close());
after(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  folder = await mkdtemp(path.join(root, "deploy-"));
  await writeFile(path.join(folder, "acme.json"), manifest("acme"));
  await mkdir(path.join(root, "elsewhere"), { recursive: true });
  await writeFile(path.join(root, "elsewhere", "globex.json"), manifest("globex"));
});

const at = (...parts: string[]) => path.join(folder, ...parts);
const isFault = (file: string, words: RegExp) =>
  assert.rejects(readFolder(folder), (error: Error) => {
    assert.match(error.message, words);
    assert.ok(error.message.startsWith(`${file}:1:1: `), error.message);
    return true;
  });

const faults: Record<string, { make: (file: string) => unknown; file?: string; words: RegExp }> = {
  "a manifest that is a link": {
    make: (file) => symlink(path.join(root, "elsewhere", "globex.json"), file),
    file: "globex.json",
    words: /a symbolic link, which isn't followed/,
  },
  "a link to another folder": { make: (file) => symlink(path.join(root, "elsewhere"), file), words: /may lead to a folder/ },
  "a link that leads nowhere": { make: (file) => symlink(path.join(root, "nothing"), file), words: /may lead to a folder/ },
  "a socket with a manifest's name": {
    make: (file) => once(sockets.listen(file), "listening"),
    file: "globex.YAML",
    words: /isn't a file/,
  },
  "a folder with nothing in it, as an unfetched submodule leaves it,": { make: (file) => mkdir(file), words: /it is a submodule/ },
  "a submodule that was fetched": {
    make: async (file) => {
      await mkdir(file);
      await writeFile(path.join(file, ".git"), "gitdir: ../.git/modules/more");
    },
    words: /it is a submodule/,
  },
  "a file that isn't UTF-8": {
    make: (file) => writeFile(file, Buffer.from(manifest("caf\u00e9"), "latin1")),
    file: "latin.yaml",
    words: /isn't UTF-8/,
  },
  "a file that is too large": {
    make: (file) => writeFile(file, `# ${"x".repeat(largestFile)}`),
    file: "large.yml",
    words: /larger than/,
  },
};

for (const [name, { make, file = "more", words }] of Object.entries(faults)) {
  test(`${name} is a fault with its place`, async () => {
    await make(at(file));
    await isFault(at(file), words);
    await rm(at(file), { recursive: true });
    assert.equal((await readFolder(folder)).length, 1, "without it the folder is read");
  });
}

/** Root may read everything, so it looks as somebody else. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return work();
  await chmod(root, 0o755);
  await chmod(folder, 0o755);
  process.seteuid?.(65_534);
  await work().finally(() => process.seteuid?.(0));
}

test("a file or folder that may not be read is a fault", async () => {
  await mkdir(at("closed"), { mode: 0 });
  await asNobody(() => isFault(at("closed"), /can't be read \(EACCES\)/));
  await rm(at("closed"), { recursive: true });
  await writeFile(at("secret.yaml"), manifest("secret"), { mode: 0 });
  await asNobody(() => isFault(at("secret.yaml"), /can't be read \(EACCES\)/));
});

test("names with a dot, links to files that are no manifests, and other files are nothing of ours", async () => {
  await mkdir(at(".git"));
  await writeFile(at(".git", "broken.yaml"), ": : :");
  await symlink(path.join(root, "elsewhere"), at(".hidden"));
  await writeFile(path.join(root, "LICENSE"), "free");
  await symlink(path.join(root, "LICENSE"), at("LICENSE"));
  await writeFile(at("notes.txt"), "notes");
  await mkdir(at("team", "b"), { recursive: true });
  await writeFile(at("team", "b", "beta.JSON"), manifest("beta"));
  const names = (await readFolder(folder)).map(({ manifest: { metadata } }) => metadata.name);
  assert.deepEqual(names, ["acme", "beta"]);
});

test("a place that is a link is followed: it was named itself", async () => {
  await symlink(folder, at("..", "named"));
  assert.equal((await readFolder(path.join(root, "named"))).length, 1);
});
