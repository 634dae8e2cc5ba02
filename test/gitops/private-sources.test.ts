import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import { type AddressInfo, connect, createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { fetchRepository } from "../../src/gitops/repository.ts";
import { ProblemError } from "../../src/problem.ts";
import { issue } from "../http/certificates.ts";

const run = promisify(execFile);
const token = "github_pat_11AAAAAAA0canaryCanaryCanary";
const basic = `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
const sshd = "/usr/sbin/sshd";

/** What anybody on this machine could read while git runs: every process's arguments, and the checkouts' own settings. */
function inPlainSight(): string {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const read = (file: string) => {
    try {
      return readFileSync(file, "utf8");
    } catch {
      return "";
    }
  };
  const checkouts = readdirSync(os.tmpdir()).filter((name) => name.startsWith("drawbridge-source-"));
  return [
    ...processes.map((pid) => read(`/proc/${pid}/cmdline`)),
    ...checkouts.map((name) => read(path.join(os.tmpdir(), name, "checkout", ".git", "config"))),
  ].join("\n");
}

/** Git's own CGI program behind a server that wants the token (git-http-backend(1)). */
function serveGit(request: IncomingMessage, response: ServerResponse, root: string): void {
  const { pathname, search } = new URL(request.url ?? "/", "https://here");
  const backend = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env["PATH"],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      ...(request.headers["content-encoding"] && { HTTP_CONTENT_ENCODING: request.headers["content-encoding"] }),
      REMOTE_USER: "ci",
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  request.pipe(backend.stdin);
  const chunks: Buffer[] = [];
  backend.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  backend.stdout.on("end", () => {
    const answer = Buffer.concat(chunks);
    const end = answer.indexOf("\r\n\r\n");
    for (const line of answer.subarray(0, end).toString().split("\r\n")) {
      const [name = "", value = ""] = line.split(/: (.*)/s);
      if (name === "Status") response.statusCode = Number(value.slice(0, 3));
      else response.setHeader(name, value);
    }
    response.end(answer.subarray(end + 4));
  });
}

describe("sources that want a credential", { concurrency: false }, () => {
  let folder: string;
  let secretsDir: string;
  let commit: string;
  const { signal } = new AbortController();
  const fetched = (repository: string, credentials?: string) =>
    fetchRepository(
      { name: "acme", repository, branch: "main", path: "deploy", ...(credentials !== undefined && { credentials }) },
      { secretsDir, signal },
    );
  const refused = async (work: Promise<unknown>, cause: string) => {
    const error = await work.then(
      () => assert.fail("it was fetched"),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof ProblemError, String(error));
    assert.deepEqual([error.problem.code, error.problem.cause], ["source_unreachable", cause]);
    assert.ok(!JSON.stringify([error.problem, error.message, error.stack]).includes(token));
  };
  const nothingLeft = () =>
    assert.deepEqual(
      readdirSync(os.tmpdir()).filter((name) => name.startsWith("drawbridge-source-")),
      [],
    );

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-private-"));
    // The fetches' own folders, and nobody else's, are looked at.
    process.env["TMPDIR"] = folder;
    secretsDir = path.join(folder, "secrets");
    const [bare, work] = [path.join(folder, "git", "access.git"), path.join(folder, "work")];
    await mkdir(secretsDir);
    await run("git", ["init", "-q", "--bare", "-b", "main", bare]);
    await run("git", ["clone", "-q", bare, work]);
    await mkdir(path.join(work, "deploy"));
    await writeFile(path.join(work, "deploy", "a.yaml"), "kind: Tenant\n");
    const git = (...args: string[]) => run("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], { cwd: work });
    await git("add", "-A");
    await git("commit", "-q", "-m", "first");
    await git("push", "-q", "origin", "HEAD:main");
    commit = (await git("rev-parse", "HEAD")).stdout.trim();
  });
  after(() => rm(folder, { recursive: true, force: true }));

  describe("over https", () => {
    let server: https.Server;
    let elsewhere: https.Server;
    let url: string;
    const seen: { sights: string[]; authorised: number; elsewhere: (string | undefined)[] } = { sights: [], authorised: 0, elsewhere: [] };
    const listen = async (one: https.Server) => {
      one.listen(0, "127.0.0.1");
      await once(one, "listening");
      return (one.address() as AddressInfo).port;
    };

    before(async () => {
      const { cert, key } = issue("git.example");
      elsewhere = https.createServer({ cert, key }, (request, response) => {
        seen.elsewhere.push(request.headers.authorization);
        response.writeHead(401, { "www-authenticate": "Basic" }).end();
      });
      const other = await listen(elsewhere);
      server = https.createServer({ cert, key }, (request, response) => {
        seen.sights.push(inPlainSight());
        if (request.url?.startsWith("/moved"))
          return void response.writeHead(302, { location: `https://127.0.0.1:${other}${request.url}` }).end();
        if (request.headers.authorization !== basic) return void response.writeHead(401, { "www-authenticate": "Basic" }).end();
        seen.authorised += 1;
        serveGit(request, response, path.join(folder, "git"));
      });
      url = `https://127.0.0.1:${await listen(server)}`;
      await writeFile(path.join(secretsDir, "token"), `${token}\n`);
      await writeFile(path.join(secretsDir, "token.ca"), cert);
      await writeFile(path.join(secretsDir, "wrong"), "not-the-token\n");
      await writeFile(path.join(secretsDir, "wrong.ca"), cert);
      await writeFile(path.join(secretsDir, "unvouched"), `${token}\n`);
    });
    after(() => {
      server?.close();
      elsewhere?.close();
    });

    test("the token opens it, and stands in no argument, no URL and no checkout's settings", async () => {
      const { revision, files } = await fetched(`${url}/access.git`, "token");
      assert.deepEqual([revision, files], [commit, [{ path: "deploy/a.yaml", text: "kind: Tenant\n" }]]);
      assert.ok(seen.authorised >= 2);
      assert.ok(
        seen.sights.some((sight) => sight.includes("clone") && sight.includes(url)),
        "it was looked while git ran",
      );
      for (const sight of seen.sights) {
        assert.ok(!sight.includes(token));
        assert.ok(!sight.includes(basic.slice(6)));
      }
      nothingLeft();
    });

    test("another token, and none at all, are not authorised", async () => {
      await refused(fetched(`${url}/access.git`, "wrong"), "not-authorised");
      await refused(fetched(`${url}/access.git`, "missing"), "no-such-secret");
      await refused(fetched(`${url}/access.git`, "../secrets/token"), "no-such-secret");
      nothingLeft();
    });

    test("a certificate that nobody vouches for ends it before the token is sent", async () => {
      const before = seen.sights.length;
      await refused(fetched(`${url}/access.git`, "unvouched"), "git-failed");
      assert.equal(seen.sights.length, before);
    });

    test("a redirect elsewhere is not followed: the token goes to its own host alone", async () => {
      await refused(fetched(`${url}/moved/access.git`, "token"), "git-failed");
      assert.deepEqual(seen.elsewhere, []);
    });
  });

  describe("over ssh", { skip: existsSync(sshd) ? false : `NOT TESTED: there is no ${sshd}; install openssh-server` }, () => {
    let daemon: ChildProcess;
    let url: string;

    before(async () => {
      const home = path.join(folder, "ssh");
      await mkdir(home, { mode: 0o700 });
      const keygen = (name: string) => run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path.join(home, name)]);
      await Promise.all(["host", "client", "stranger"].map(keygen));
      const port = await freePort();
      await writeFile(path.join(home, "authorized"), await readFile(path.join(home, "client.pub")));
      await writeFile(
        path.join(home, "config"),
        [
          `Port ${port}`,
          "ListenAddress 127.0.0.1",
          `HostKey ${path.join(home, "host")}`,
          `AuthorizedKeysFile ${path.join(home, "authorized")}`,
          "PidFile none",
          "StrictModes no",
          "UsePAM no",
          "PasswordAuthentication no",
          "PermitRootLogin prohibit-password",
          "",
        ].join("\n"),
      );
      if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true });
      daemon = spawn(sshd, ["-D", "-f", path.join(home, "config")], { stdio: "ignore" });
      await answering(port);
      const hostKey = (await readFile(path.join(home, "host.pub"), "utf8")).split(" ").slice(0, 2).join(" ");
      await writeFile(path.join(secretsDir, "known_hosts"), `[127.0.0.1]:${port} ${hostKey}\n`);
      for (const name of ["client", "stranger"]) await writeFile(path.join(secretsDir, name), await readFile(path.join(home, name)));
      await chmod(path.join(folder, "git"), 0o755);
      url = `ssh://${os.userInfo().username}@127.0.0.1:${port}${path.join(folder, "git", "access.git")}`;
    });
    after(() => daemon?.kill());

    test("the private key opens it", async () => {
      assert.equal((await fetched(url, "client")).revision, commit);
      nothingLeft();
    });

    test("another key is not authorised", () => refused(fetched(url, "stranger"), "not-authorised"));

    test("a host whose key isn't known is never spoken to", async () => {
      const another = await readFile(path.join(folder, "ssh", "stranger.pub"), "utf8");
      const known = await readFile(path.join(secretsDir, "known_hosts"), "utf8");
      await writeFile(path.join(secretsDir, "known_hosts"), `${known.split(" ")[0]} ${another.split(" ").slice(0, 2).join(" ")}\n`);
      await refused(fetched(url, "client"), "unknown-host");
    });
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function answering(port: number): Promise<void> {
  for (let look = 0; look < 100; look += 1) {
    const socket = connect(port, "127.0.0.1");
    const opened = await Promise.race([once(socket, "connect").then(() => true), once(socket, "error").then(() => false)]).catch(
      () => false,
    );
    socket.destroy();
    if (opened) return;
    await sleep(50);
  }
  throw new Error("sshd doesn't answer");
}
