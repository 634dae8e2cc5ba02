#!/usr/bin/env node
/** `drawbridge-audit verify` tells whether the audit is unchanged. */
import { open } from "node:fs/promises";
import { parseArgs } from "node:util";
import { createLog } from "./log.ts";
import { type AuditHead, type AuditRow, firstHead, follow } from "./model/audit-entry.ts";
import { auditAfter, auditHead } from "./store/audit.ts";
import { openStore } from "./store/store.ts";

const usage = `drawbridge-audit verify <export.jsonl> [--head <seq>:<hash>]
drawbridge-audit verify --store <data folder> [--head <seq>:<hash>]

Verifies the rows of GET /v1/audit/export, or the rows of the store: in DATABASE_URL if it is set, else in the data folder of a stopped service.
--head is the head that an earlier verify printed. With it, verify also finds a chain whose end was cut off, or that was rewritten.
The exit code is 0 if every row is unchanged, and 1 if a row was changed or is missing.`;

const page = 1_000;

async function* rowsOfFile(path: string): AsyncGenerator<AuditRow[]> {
  const file = await open(path);
  let rows: AuditRow[] = [];
  for await (const line of file.readLines()) {
    if (line.trim() !== "") rows.push(JSON.parse(line) as AuditRow);
    if (rows.length < page) continue;
    yield rows;
    rows = [];
  }
  yield rows;
}

/** Follows the chain through all rows. The row `known` must be in it. */
async function verify(pages: AsyncIterable<AuditRow[]>, known: AuditHead | undefined): Promise<{ head: AuditHead } | { fault: string }> {
  let head = firstHead;
  let isKnownSeen = known === undefined || known.seq === 0;
  for await (const rows of pages) {
    const followed = follow(rows, head);
    if ("fault" in followed) return followed;
    const found = rows.find((row) => row.entry.seq === known?.seq);
    if (found && found.hash !== known?.hash)
      return { fault: `row ${found.entry.seq} isn't the one that was known: the chain was rewritten` };
    isKnownSeen ||= found !== undefined;
    head = followed.head;
  }
  if (!isKnownSeen) return { fault: `the chain ends at row ${head.seq}, before row ${known?.seq} that was known: its end was cut off` };
  return { head };
}

async function verifyStore(dataDir: string, known: AuditHead | undefined): Promise<{ head: AuditHead } | { fault: string }> {
  const store = await openStore({ databaseUrl: process.env["DATABASE_URL"], dataDir, log: createLog({ level: "error" }) });
  try {
    const written = await auditHead(store.db);
    const pages = async function* () {
      for (let after = 0; ; ) {
        const rows = await auditAfter(store.db, after, page);
        if (rows.length === 0) return;
        yield rows;
        after = rows.at(-1)?.entry.seq ?? after;
      }
    };
    const found = await verify(pages(), known);
    if ("fault" in found || found.head.seq >= written.seq) return found;
    return { fault: `the chain ends at row ${found.head.seq}, but row ${written.seq} was written: its end was cut off` };
  } finally {
    await store.close();
  }
}

function headOf(text: string | undefined): AuditHead | undefined {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text ?? "") ?? [];
  if (text !== undefined && (seq === undefined || hash === undefined)) throw new Error("--head is <seq>:<hash>");
  return seq === undefined || hash === undefined ? undefined : { seq: Number(seq), hash };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { store: { type: "string" }, head: { type: "string" } } });
  const [command, file] = positionals;
  if (command !== "verify" || (file === undefined) === (values.store === undefined)) {
    console.error(usage);
    return 2;
  }
  const known = headOf(values.head);
  const found = file === undefined ? await verifyStore(values.store ?? "", known) : await verify(rowsOfFile(file), known);
  console.log(
    "fault" in found
      ? `Not as it was written: ${found.fault}.`
      : `Whole: ${found.head.seq} rows, head ${found.head.seq}:${found.head.hash}`,
  );
  return "fault" in found ? 1 : 0;
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 2;
});
