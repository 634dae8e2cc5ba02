/** The world that test/fixtures/recorded-release holds, with this release's service in it. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { PGlite } from "@electric-sql/pglite";
import { platformThings } from "../../sandbox/accounts.ts";
import { rootOf } from "../../sandbox/root.ts";
import { type Seeded, withTrust } from "../../sandbox/seed.ts";
import { pgliteFolder } from "../../src/store/store.ts";
import { type Recording, readRecording } from "../fixtures/recorded-release/recording.ts";
import { startWorld, type World } from "./world.ts";

export type Row = Record<string, unknown>;
/** By table */
export type Rows = Record<string, Row[]>;

export interface RestoredWorld extends World {
  recording: Recording;
  /** As they were before this release's migrations */
  rows: Rows;
}

const tables = [
  "kysely_migration",
  "tenants",
  "integrations",
  "operations",
  "external_ids",
  "claims",
  "trusted_principals",
  "api_keys",
  "audit",
  "audit_head",
];

export async function startRestoredWorld(): Promise<RestoredWorld> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), "drawbridge-test-"));
  const { aws, passphrase } = readRecording();
  mkdirSync(path.join(dataDir, "aws"));
  for (const [name, text] of Object.entries(aws)) writeFileSync(path.join(dataDir, "aws", name), text);
  let restored: { recording: Recording; rows: Rows } | undefined;
  const fill = async (endpoint: string): Promise<Seeded> => {
    const recording = readRecording(new URL(endpoint).host);
    await putState(endpoint, recording.state);
    await makeDatabase(dataDir, recording.database);
    restored = { recording, rows: await readRows(dataDir) };
    const ids = recording.tenants.map(({ view }) => view.provisioning.externalId);
    return withTrust(endpoint, recording.sandbox, ids);
  };
  const world = await startWorld({ environment: { DRAWBRIDGE_SECRETS_PASSPHRASE: passphrase } }, undefined, { dataDir, fill });
  if (!restored) throw new Error("The sandbox wasn't filled.");
  return Object.assign(world, restored);
}

async function putState(endpoint: string, state: Recording["state"]): Promise<void> {
  const { s3 } = rootOf(endpoint, "platform");
  for (const [Key, Body] of Object.entries(state)) await s3.send(new PutObjectCommand({ Bucket: platformThings.stateBucket, Key, Body }));
}

async function makeDatabase(dataDir: string, sql: string): Promise<void> {
  mkdirSync(path.dirname(pgliteFolder(dataDir)));
  const db = await PGlite.create(pgliteFolder(dataDir));
  await db.exec(sql);
  await db.close();
}

/** What the records hold; the service must have ended. */
export async function readRows(dataDir: string): Promise<Rows> {
  const db = await PGlite.create(pgliteFolder(dataDir));
  const read = async (table: string): Promise<[string, Row[]]> => {
    const { rows } = await db.query<{ row: Row }>(`select to_jsonb(t) as row from public.${table} t`);
    return [table, rows.map(({ row }) => row)];
  };
  const all: [string, Row[]][] = [];
  for (const table of tables) all.push(await read(table));
  await db.close();
  return Object.fromEntries(all);
}
