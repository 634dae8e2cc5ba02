/** Secrets that identify a caller. They are stored and compared by their SHA-256, so neither timing nor a stolen row reveals one. */
import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { adminSubject, type Caller, scopes } from "../../model/caller.ts";

const keyPrefix = "dbk_";

/** The SHA-256 by which a token is known. */
export function hashToken(token: string): Buffer {
  return hash("sha256", token, "buffer");
}

/** A new API key: 256 random bits behind a prefix that secret scanners can look for. */
export function newApiKey(): string {
  return keyPrefix + randomBytes(32).toString("base64url");
}

/** Whether it has the form of a key of ours. */
export function isApiKey(token: string): boolean {
  return token.startsWith(keyPrefix);
}

/** Whether two digests are the same, in constant time. */
export function sameDigest(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Knows one token, the administrator's: every tenant, every scope. */
export function adminToken(token: string): (given: string) => Caller | undefined {
  const expected = hashToken(token);
  const caller: Caller = { subject: adminSubject, tenants: "*", scopes, credential: { kind: "admin" } };
  return (given) => (sameDigest(hashToken(given), expected) ? caller : undefined);
}
