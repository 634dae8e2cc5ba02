import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import test, { after, before, describe } from "node:test";
import { promisify } from "node:util";
import { sql } from "kysely";
import { createAudit } from "../../../src/access/audit/audit.ts";
import { writeGates } from "../../../src/access/audit/write-gate.ts";
import { follow } from "../../../src/model/audit-entry.ts";
import { ProblemError } from "../../../src/problem.ts";
import { auditAfter, auditHead } from "../../../src/store/audit.ts";
import { backends, type Opened, silent } from "../../store/backends.ts";

const run = promisify(execFile);
const cli = path.join(import.meta.dirname, "../../../src/audit-cli.ts");

for (const backend of backends) {
  describe(`the audit on ${backend.name}`, () => {
    let opened: Opened;
    let folder: string;
    before(async () => {
      opened = await backend.open();
      folder = await mkdtemp(path.join(tmpdir(), "drawbridge-audit-"));
    });
    after(async () => {
      await opened?.remove();
      await rm(folder, { recursive: true, force: true });
    });
    const facts = { action: "operation:up", subject: "ci", tenant: "acme" };
    const rows = () => auditAfter(opened.store.db, 0, 10_000);

    test("an intent stands before the work and its outcome after, whether it ends well or not", async () => {
      const audit = createAudit({ db: opened.store.db, log: silent });
      const seen = await audit.around(
        facts,
        async () => (await rows()).length,
        () => ({ result: "succeeded" }),
      );
      assert.equal(seen, 1);
      const fail = async () => {
        throw new ProblemError("aws_denied", "no");
      };
      await assert.rejects(
        audit.around(facts, fail, () => ({ result: "succeeded" })),
        /aws_denied/,
      );
      const entries = (await rows()).map(({ entry }) => entry);
      assert.deepEqual(
        entries.map(({ phase, result }) => [phase, result]),
        [
          ["intent", undefined],
          ["outcome", "succeeded"],
          ["intent", undefined],
          ["outcome", "aws_denied"],
        ],
      );
      assert.equal(entries[1]?.of, entries[0]?.id);
      assert.equal(entries[3]?.of, entries[2]?.id);
    });

    test("rows that are written side by side are one chain without gaps, which ends at the head", async () => {
      const audit = createAudit({ db: opened.store.db, log: silent });
      await Promise.all(
        Array.from({ length: 20 }, () =>
          audit.around(
            facts,
            async () => {},
            () => ({ result: "done" }),
          ),
        ),
      );
      const all = await rows();
      assert.equal(all.length, 44);
      assert.deepEqual(follow(all), { head: await auditHead(opened.store.db) });
    });

    test("two processes that write side by side make one chain, and a row that can't be kept takes no other with it", async () => {
      const before = (await rows()).length;
      const audits = [0, 1].map(() => createAudit({ db: opened.store.db, log: silent }));
      const around = (n: number, subject: string) =>
        audits[n % 2]?.around(
          { ...facts, subject },
          async () => {},
          () => ({ result: "done" }),
        );
      const ends = await Promise.allSettled(Array.from({ length: 24 }, (_, n) => around(n, n === 6 ? "no\u0000text" : `s${n}`)));
      assert.deepEqual(
        ends.map(({ status }) => status === "fulfilled"),
        ends.map((_, n) => n !== 6),
      );
      const all = await rows();
      assert.equal(all.length, before + 46);
      assert.deepEqual(follow(all), { head: await auditHead(opened.store.db) });
    });

    test("a write into an account is audited with AWS's request id, and refused while frozen", async () => {
      let frozen = false;
      const audit = createAudit({ db: opened.store.db, log: silent });
      const gate = writeGates({ audit, isFrozen: async () => frozen })({ tenant: "acme", operation: "op-1" });
      const write = { action: "iam:PutRolePolicy", request: "0".repeat(64) };
      await gate(write, async () => ({ awsRequestId: "aws-1" }));
      const [intent, outcome] = (await rows()).slice(-2).map(({ entry }) => entry);
      assert.equal(intent?.request, write.request);
      assert.deepEqual(
        [outcome?.action, outcome?.awsRequestId, outcome?.operation, outcome?.result],
        [write.action, "aws-1", "op-1", "done"],
      );
      frozen = true;
      let sent = false;
      const send = async () => {
        sent = true;
        return {};
      };
      await assert.rejects(gate(write, send), /frozen/);
      assert.equal(sent, false);
    });

    test("the table refuses updates, deletes and truncation", async () => {
      const { db } = opened.store;
      const refused = /append-only/;
      await assert.rejects(sql`update audit set hash = 'x' where seq = 2`.execute(db), refused);
      await assert.rejects(sql`delete from audit where seq = 2`.execute(db), refused);
      await assert.rejects(sql`truncate audit`.execute(db), refused);
    });

    test("verify finds what a tampered export hides", async () => {
      const all = await rows();
      const verify = async (list: unknown[], ...options: string[]) => {
        const file = path.join(folder, "export.jsonl");
        await writeFile(file, list.map((row) => `${JSON.stringify(row)}\n`).join(""));
        return run(process.execPath, [cli, "verify", file, ...options]).then(
          ({ stdout }) => stdout,
          (error: { stdout: string; code: number }) => `${error.code} ${error.stdout}`,
        );
      };
      const head = await auditHead(opened.store.db);
      const known = `${head.seq}:${head.hash}`;
      assert.match(await verify(all), new RegExp(`^Whole: ${head.seq} rows, head ${known}`));
      const [first, second, third, ...rest] = all;
      assert.ok(first && second && third);
      assert.match(
        await verify([first, { ...second, entry: { ...second.entry, subject: "x" } }, third, ...rest]),
        /^1 .*row 2 was changed/,
      );
      assert.match(await verify([first, third, ...rest]), /^1 .*row 2 is missing/);
      assert.match(await verify([first, third, second, ...rest]), /^1 .*row 2 is missing or out of order/);
      assert.match(await verify(all.slice(0, -1), "--head", known), /^1 .*its end was cut off/);
    });
  });
}
