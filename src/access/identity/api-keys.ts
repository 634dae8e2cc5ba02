/** API keys. Administrators make, list, replace and end them. A key never has more rights than its maker. */
import { randomUUID } from "node:crypto";
import { type Caller, holdsScope, reservedSubjects, type Scope } from "../../model/caller.ts";
import { ProblemError } from "../../problem.ts";
import {
  type ApiKeyRecord,
  deleteApiKey,
  endApiKey,
  findApiKey,
  findApiKeyByDigest,
  insertApiKey,
  touchApiKey,
} from "../../store/api-keys.ts";
import { type Db, inTransaction } from "../../store/database/transaction.ts";
import { hashToken, newApiKey, sameDigest } from "./tokens.ts";

export interface KeyRequest {
  subject: string;
  tenants: "*" | string[];
  scopes: Scope[];
  /** RFC 3339 */
  expiresAt?: string | undefined;
}

/** A key and, this once, its secret. */
export type MadeKey = ApiKeyRecord & { key: string };

/**
 * Makes a key.
 *
 * @throws ProblemError `forbidden` when it would hold a scope or tenant that its maker doesn't; `invalid_request` when it would have
 * ended already, or has the administrator's subject
 */
export async function makeKey(db: Db, maker: Caller, request: KeyRequest): Promise<MadeKey> {
  refuseMore(maker, request);
  if (reservedSubjects.includes(request.subject)) {
    throw new ProblemError("invalid_request", "This subject is the administrator's or the service's own. Take another.", {
      pointer: "/subject",
    });
  }
  if (request.expiresAt !== undefined && Date.parse(request.expiresAt) <= Date.now()) {
    throw new ProblemError("invalid_request", "expiresAt is over already.", { pointer: "/expiresAt" });
  }
  return insert(db, maker, request);
}

/**
 * Replaces a key by a new one with the same subject, tenants, scopes and end; the old one works for the overlap, then no more.
 *
 * @throws ProblemError `not_found`; `forbidden` for a key that holds more than the caller, who would get to see its successor
 */
export async function rotateKey(db: Db, maker: Caller, id: string, overlapMinutes: number): Promise<MadeKey> {
  const made = await inTransaction(db, async (trx) => {
    const old = await findApiKey(trx, id);
    if (!old || hasEnded(old)) throw noKey();
    refuseMore(maker, old);
    const made = await insert(trx, maker, old, old.family);
    await endApiKey(trx, id, new Date(Date.now() + overlapMinutes * 60_000).toISOString());
    return made;
  });
  knownKeys.delete(db);
  return made;
}

/** Ends a key at once. `not_found` when there is none. */
export async function removeKey(db: Db, id: string): Promise<void> {
  const deleted = await deleteApiKey(db, id);
  knownKeys.delete(db);
  if (!deleted) throw noKey();
}

/** Milliseconds for which a lookup of a key is kept: a key that another replica ends works here that much longer. */
const knownFor = 1_000;
const mostKnown = 1_000;
/** By digest, per store. Emptied whenever this process ends a key. */
const knownKeys = new WeakMap<Db, Map<string, { record: ApiKeyRecord; until: number }>>();

/** The caller behind a key, which counts as used; none for a key that is unknown or has ended. */
export async function callerOfKey(db: Db, key: string): Promise<Caller | undefined> {
  const digest = hashToken(key);
  const record = await findKey(db, digest);
  if (!record || hasEnded(record)) return undefined;
  return { subject: record.subject, tenants: record.tenants, scopes: record.scopes, credential: { kind: "key", id: record.family } };
}

async function findKey(db: Db, digest: Buffer): Promise<ApiKeyRecord | undefined> {
  const hex = digest.toString("hex");
  const known = knownKeys.get(db) ?? new Map<string, { record: ApiKeyRecord; until: number }>();
  const kept = known.get(hex);
  if (kept && performance.now() < kept.until) return kept.record;
  knownKeys.set(db, known);
  const until = performance.now() + knownFor;
  const found = await findApiKeyByDigest(db, hex);
  if (!found || !sameDigest(Buffer.from(found.digest, "hex"), digest)) return undefined;
  if (!hasEnded(found) && !usedWithinAMinute(found)) await touchApiKey(db, found.id);
  if (known.size >= mostKnown) known.clear();
  known.set(hex, { record: found, until });
  return found;
}

/** `family`: the first key of the rotations that lead to this one. */
async function insert(db: Db, maker: Caller, { subject, tenants, scopes, expiresAt }: KeyRequest, family?: string): Promise<MadeKey> {
  const key = newApiKey();
  const id = randomUUID();
  const record = await insertApiKey(db, {
    id,
    family: family ?? id,
    digest: hashToken(key).toString("hex"),
    subject,
    tenants,
    scopes: [...new Set(scopes)],
    createdBy: maker.subject,
    ...(expiresAt !== undefined && { expiresAt }),
  });
  return { ...record, key };
}

function refuseMore(maker: Caller, wanted: Pick<KeyRequest, "tenants" | "scopes">): void {
  const scopes = wanted.scopes.filter((scope) => !holdsScope(maker, scope));
  const { tenants } = maker;
  const fits = tenants === "*" || (wanted.tenants !== "*" && wanted.tenants.every((tenant) => tenants.includes(tenant)));
  if (scopes.length === 0 && fits) return;
  throw new ProblemError("forbidden", "A key can't hold a scope or a tenant that its maker doesn't hold.");
}

const hasEnded = ({ expiresAt }: ApiKeyRecord): boolean => expiresAt !== undefined && Date.parse(expiresAt) <= Date.now();
const usedWithinAMinute = ({ lastUsedAt }: ApiKeyRecord): boolean =>
  lastUsedAt !== undefined && Date.now() - Date.parse(lastUsedAt) < 60_000;
const noKey = () => new ProblemError("not_found", "There is no such key.");
