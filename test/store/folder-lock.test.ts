import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ProblemError } from "../../src/problem.ts";
import { lockFolder } from "../../src/store/database/folder-lock.ts";

const holderCode = `
  const { lockFolder } = await import(process.argv[1]);
  await lockFolder(process.argv[2], () => {});
  console.log("held");
  setInterval(() => {}, 1000);
`;
const lockModule = new URL("../../src/store/database/folder-lock.ts", import.meta.url).href;

test("a second process is refused the data folder with a clear message, and gets it soon after the first was killed", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "drawbridge-lock-"));
  const holder = spawn(process.execPath, ["--input-type=module", "-e", holderCode, lockModule, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(async () => {
    holder.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });
  await once(holder.stdout, "data");
  await assert.rejects(
    lockFolder(folder, () => {}),
    (error) => {
      assert.ok(error instanceof ProblemError);
      assert.equal(error.problem.code, "not_ready");
      assert.match(error.problem.detail, new RegExp(`^Process ${holder.pid} on .* is using the data folder`));
      return true;
    },
  );
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const started = performance.now();
  const release = await lockFolder(folder, () => {});
  assert.ok(performance.now() - started < 8_000, "it doesn't wait until the dead holder's lock is stale");
  await release();
  await (await lockFolder(folder, () => {}))();
});
