import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { acceptPull } from "../../src/gitops/accept-reconcile.ts";
import { fetchRepository } from "../../src/gitops/repository.ts";
import { yamlLimits } from "../../src/gitops/yaml-limits.ts";
import type { SourceRecord } from "../../src/model/source.ts";
import { ProblemError } from "../../src/problem.ts";
import type { StoredOperation } from "../../src/store/operations.ts";
import { saveSource } from "../../src/store/sources.ts";
import { type GitopsRig, integrationManifest, itemsOf, startGitopsRig, tenantManifest } from "./rig.ts";

/** What a commit holds at a path: a file's content, a link's target, or the commit of a submodule. */
type Content = string | Buffer | { link: string } | { submodule: true };

interface Repository {
  folder: string;
  /** Makes the head of `main` hold these and nothing else. */
  commit(contents: readonly (readonly [string | Buffer, Content])[]): void;
}

/** A bare repository whose commits are written straight into git's store, so that they may hold what no checkout would make. */
function openRepository(folder: string): Repository {
  execFileSync("git", ["init", "-q", "--bare", "-b", "main", folder]);
  const git = (args: string[], input: string | Buffer = "") =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], { cwd: folder, input })
      .toString()
      .trim();
  const objects = new Map<string, string>();
  // Most files hold the same: git runs once for each content.
  const blob = (content: string | Buffer) => {
    const key = Buffer.from(content).toString("latin1");
    const object = objects.get(key) ?? git(["hash-object", "-w", "--stdin"], content);
    objects.set(key, object);
    return object;
  };
  const modeAndObject = (content: Content): string => {
    if (typeof content === "string" || Buffer.isBuffer(content)) return `100644 ${blob(content)}`;
    return "link" in content ? `120000 ${blob(content.link)}` : `160000 ${"1".repeat(40)}`;
  };
  return {
    folder,
    commit(contents) {
      const entries = contents.map(([name, content]) =>
        Buffer.concat([Buffer.from(`${modeAndObject(content)}\t`), Buffer.from(name), Buffer.from("\0")]),
      );
      git(["read-tree", "--empty"]);
      git(["update-index", "-z", "--index-info"], Buffer.concat(entries));
      const commit = git(["commit-tree", "-m", "test", git(["write-tree"])]);
      git(["update-ref", "refs/heads/main", commit]);
    },
  };
}

let folder: string;
let repository: Repository;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-repository-"));
  repository = openRepository(path.join(folder, "access.git"));
});
after(() => rm(folder, { recursive: true, force: true }));

const fetched = (from?: string) =>
  fetchRepository(
    { name: "acme", repository: repository.folder, ...(from !== undefined && { path: from }) },
    { secretsDir: "/nowhere", signal: new AbortController().signal },
  );
const pathsOf = async (from?: string) => (await fetched(from)).files.map((file) => file.path);
/** `path: what is wrong`, of a commit whose good files are all read. */
const faultsOf = async (from?: string) => (await fetched(from)).faults.map(({ file, detail }) => `${file}: ${detail}`);
const refused = async (work: Promise<unknown>, cause: string) => {
  const error = await work.then(
    () => assert.fail("it was fetched"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ProblemError, String(error));
  assert.deepEqual([error.problem.code, error.problem.cause], ["source_unreachable", cause]);
};
const manifest = "kind: Tenant\n";

describe("the folder of a source", { concurrency: false }, () => {
  before(() => {
    repository.commit([
      ["a.yaml", manifest],
      ["deploy/b.yaml", manifest],
      ["deploy/sub/c.json", "{}"],
      ["deploy/.hidden/d.yaml", manifest],
      [".access/e.yaml", manifest],
      ["way", { link: "deploy" }],
      ["vendor", { submodule: true }],
      ["*/f.yaml", manifest],
    ]);
  });

  test("each spelling of the repository's root reads all of it", async () => {
    for (const root of [undefined, "", ".", "./", "././", "/", "//"])
      assert.deepEqual(await pathsOf(root), ["*/f.yaml", "a.yaml", "deploy/b.yaml", "deploy/sub/c.json"], String(root));
  });

  test("each spelling of a folder reads that folder", async () => {
    for (const name of ["deploy", "deploy/", "./deploy", "./deploy/", "deploy/.", "deploy//", "/deploy/", ".//deploy/./"])
      assert.deepEqual(await pathsOf(name), ["deploy/b.yaml", "deploy/sub/c.json"], name);
    for (const name of ["deploy/sub", "deploy//sub", "deploy/./sub/"]) assert.deepEqual(await pathsOf(name), ["deploy/sub/c.json"], name);
  });

  test("a folder whose own name begins with a dot is read when the source names it", async () => {
    assert.deepEqual(await pathsOf(".access"), [".access/e.yaml"]);
    assert.deepEqual(await pathsOf("deploy/.hidden"), ["deploy/.hidden/d.yaml"]);
  });

  test("a path is a name, never a pattern", async () => {
    assert.deepEqual(await pathsOf("*"), ["*/f.yaml"]);
    for (const pattern of ["dep*", ":(top)deploy", ":/deploy", "deplo?"]) await refused(fetched(pattern), "no-such-path");
  });

  test("what names nothing, a file, a link or a submodule, or leads through one, is no folder", async () => {
    const wrong = [
      "nothing",
      "deploy/nothing",
      "a.yaml",
      "a.yaml/x",
      "way",
      "way/sub",
      "vendor",
      "vendor/x",
      "deploy/..",
      "..",
      "deploy/../deploy",
    ];
    for (const name of wrong) await refused(fetched(name), "no-such-path");
  });
});

describe("what a commit holds", { concurrency: false }, () => {
  test("a link or a submodule where a manifest or a folder was is a fault with its place", async () => {
    repository.commit([
      ["deploy/a.yaml", manifest],
      ["deploy/linked.yaml", { link: "a.yaml" }],
      ["deploy/out.JSON", { link: "/etc/passwd" }],
      ["deploy/team", { link: "../other" }],
      ["deploy/gone", { link: "../nothing" }],
      ["deploy/outside", { link: "../../elsewhere" }],
      ["deploy/loop", { link: "loop" }],
      ["deploy/through", { link: "a.yaml/x" }],
      ["deploy/two\nlines", { link: "a.yaml" }],
      ["deploy/vendor", { submodule: true }],
      ["other/b.yaml", manifest],
    ]);
    assert.deepEqual(await pathsOf("deploy"), ["deploy/a.yaml"]);
    const faults = await faultsOf("deploy");
    const has = (start: string) =>
      assert.ok(
        faults.some((fault) => fault.startsWith(start)),
        `${start}\n${faults.join("\n")}`,
      );
    has("deploy/linked.yaml: it is a symbolic link");
    has("deploy/out.JSON: it is a symbolic link");
    for (const name of ["team", "gone", "outside", "loop", "through", "two\\x0alines"]) has(`deploy/${name}: it is a symbolic link`);
    has("deploy/vendor: it is a submodule");
    assert.equal(faults.length, 9);
  });

  test("a link that leads to a file and has no manifest's name is nobody's business, and neither is what begins with a dot", async () => {
    repository.commit([
      ["LICENSE", "text"],
      ["deploy/a.yaml", manifest],
      ["deploy/LICENSE", { link: "../LICENSE" }],
      ["deploy/READ ME", { link: "LICENSE" }],
      ["deploy/.old.yaml", { link: "a.yaml" }],
      ["deploy/.cache/x", { link: "/tmp" }],
      ["deploy/.vendor", { submodule: true }],
    ]);
    const { files, faults } = await fetched("deploy");
    assert.deepEqual([files.map((file) => file.path), faults], [["deploy/a.yaml"], []]);
  });

  test("a file above the limit is a fault and isn't read; the others are", async () => {
    repository.commit([
      ["a.yaml", manifest],
      ["full.yaml", "#".repeat(yamlLimits.bytes)],
      ["huge.yaml", "#".repeat(64 * 1024 * 1024)],
      ["over.yaml", "#".repeat(yamlLimits.bytes + 1)],
      ["picture.png", "x".repeat(2 * yamlLimits.bytes)],
    ]);
    const { files, faults } = await fetched();
    assert.deepEqual(
      files.map((file) => [file.path, file.text.length]),
      [
        ["a.yaml", manifest.length],
        ["full.yaml", yamlLimits.bytes],
      ],
    );
    assert.deepEqual(
      faults.map(({ file, line, column, detail }) => [file, line, column, detail]),
      ["huge.yaml", "over.yaml"].map((file) => [file, 1, 1, "The file is larger than 1048576 bytes. Divide it."]),
    );
  });

  test("more files, or more bytes, than a source may have are refused before any is read", async () => {
    const full = "#".repeat(yamlLimits.bytes);
    repository.commit(Array.from({ length: 17 }, (_, index) => [`${index}.yaml`, full] as const));
    await refused(fetched(), "too-large");
  });

  test("bytes that aren't UTF-8 are a fault, in a file and in its name", async () => {
    const latin = (text: string) => Buffer.from(text, "latin1");
    repository.commit([
      ["a.yaml", latin("kind: é\n")],
      ["b.yaml", Buffer.from("kind: Tenant\n", "utf16le")],
      ["c.yaml", Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("kind: Tenant\n", "utf16le")])],
      ["d.yaml", "\ufeffkind: é\n"],
      [latin("é.yaml"), manifest],
      [latin("é.txt"), manifest],
    ]);
    const { files, faults } = await fetched();
    assert.deepEqual(
      files.map((file) => file.path),
      ["b.yaml", "d.yaml"],
      "UTF-16 without a mark looks like UTF-8 with NULs, which the reader refuses",
    );
    assert.equal(files[1]?.text, "kind: é\n");
    assert.deepEqual(
      faults.map(({ file, detail }) => `${file}: ${detail}`),
      [
        "\ufffd.yaml: its name isn't UTF-8. Give it another name.",
        ...["a.yaml", "c.yaml"].map((file) => `${file}: The file isn't UTF-8. Store it as UTF-8.`),
      ],
    );
  });

  test("names that a checkout would lose or change are read all the same, with their contents as they were committed", async () => {
    const names = ["A.yaml", "a.yaml", "b\\c.yaml", "con.yaml", "cafe\u0301.yaml", "café.yaml", "d:e.yaml", "f\ng.yaml", "h ", "i .yaml"];
    repository.commit([
      [".gitattributes", "* text eol=crlf working-tree-encoding=UTF-16 filter=lfs ident\n"],
      ...names.map((name) => [name, `# ${name} $Id$\n`] as const),
    ]);
    const { files, faults } = await fetched();
    assert.deepEqual(faults, []);
    assert.deepEqual(
      new Set(files.map((file) => file.text)),
      new Set(names.filter((name) => name !== "h ").map((name) => `# ${name} $Id$\n`)),
    );
    assert.ok(
      files.some((file) => file.path === "f\\x0ag.yaml"),
      "a control character is written out",
    );
  });
});

describe("a source that prunes", { concurrency: false }, () => {
  let rig: GitopsRig;
  before(async () => {
    rig = await startGitopsRig();
  });
  after(() => rig?.close());

  const good = JSON.stringify(integrationManifest("acme", "one"));
  const always = [
    ["LICENSE", "text"],
    ["deploy/acme.json", JSON.stringify(tenantManifest("acme"))],
  ] as const;
  const reconciled = async (source: Partial<SourceRecord> = {}): Promise<StoredOperation> => {
    const record: SourceRecord = {
      name: "acme",
      kind: "pull",
      repository: repository.folder,
      tenants: "*",
      requestedBy: "ops",
      scopes: ["read", "write", "destroy", "admin"],
      prune: true,
      maxDeletes: 100,
      createdAt: rig.context.now(),
      ...source,
    };
    await saveSource(rig.context.store.db, record);
    return rig.ended((await acceptPull(rig.context, record, { requestedBy: "ops" })).id);
  };
  const outcomeOf = (operation: StoredOperation) => itemsOf(operation).find(({ name }) => name === "one")?.outcome;
  const destroyed = () => rig.ran.filter((one) => one.startsWith("destroy"));

  test("brings up what its repository says", async () => {
    repository.commit([...always, ["deploy/one.json", good]]);
    const operation = await reconciled();
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.equal(outcomeOf(operation), "added");
  });

  test("destroys nothing for another spelling of its path", async () => {
    for (const from of [".", "./", "deploy/./", "deploy//", "./deploy/"]) {
      const operation = await reconciled({ path: from });
      assert.deepEqual([operation.state, outcomeOf(operation)], ["succeeded", "unchanged"], from);
    }
    assert.deepEqual(destroyed(), []);
  });

  const broken: [string, (readonly [string, Content])[], string][] = [
    ["a link instead of the manifest", [["deploy/one.json", { link: "../LICENSE" }]], "deploy/one.json:1:1"],
    ["a link instead of a folder of manifests", [["deploy/team", { link: "../elsewhere" }]], "deploy/team:1:1"],
    ["a submodule instead of a folder of manifests", [["deploy/team", { submodule: true }]], "deploy/team:1:1"],
    ["a file that is too large", [["deploy/one.json", `${good}${" ".repeat(yamlLimits.bytes)}`]], "deploy/one.json:1:1"],
    ["a file that isn't UTF-8", [["deploy/one.json", Buffer.from(good.replace("data-of-one", "é"), "latin1")]], "deploy/one.json:1:1"],
    ["a file with a key given twice", [["deploy/one.json", good.replace("{", '{"\\u006bind":"Integration",')]], "deploy/one.json:1:"],
  ];
  for (const [what, contents, at] of broken) {
    test(`destroys nothing because of ${what}`, async () => {
      repository.commit([...always, ...contents]);
      const operation = await reconciled({ path: "." });
      assert.equal(operation.error?.code, "reconcile_incomplete");
      assert.equal(outcomeOf(operation), "kept");
      assert.ok(
        itemsOf(operation).some((item) => item.outcome === "refused" && item.at?.startsWith(at)),
        JSON.stringify(itemsOf(operation)),
      );
      assert.deepEqual(destroyed(), []);
    });
  }

  test("destroys nothing when its folder isn't there", async () => {
    repository.commit([...always, ["way", { link: "deploy" }]]);
    for (const from of ["nothing", "way", "deploy/acme.json"]) {
      const operation = await reconciled({ path: from });
      assert.deepEqual(
        [operation.state, operation.error?.code, operation.error?.cause],
        ["failed", "source_unreachable", "no-such-path"],
        from,
      );
    }
    assert.deepEqual(destroyed(), []);
  });

  test("destroys what a commit without any fault no longer names", async () => {
    repository.commit([...always, ["deploy/LICENSE", { link: "../LICENSE" }]]);
    const operation = await reconciled();
    assert.equal(outcomeOf(operation), "pruned", JSON.stringify(itemsOf(operation)));
    assert.deepEqual(destroyed(), ["destroy acme/one"]);
  });
});
