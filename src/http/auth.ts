/** Who calls. Tokens are compared by their SHA-256, so neither time nor memory tells anything about a token. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Request } from "express";
import { ProblemError } from "../problem.ts";
import { type Caller, scopes } from "./caller.ts";

// RFC 6750 §2.1: b64token. Longer ones than any token format of ours aren't hashed.
const bearer = /^Bearer ([A-Za-z0-9._~+/-]{1,4096}=*)$/i;

/** The SHA-256 by which a token is looked up. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}

/**
 * Knows one token, the administrator's: every tenant, every scope.
 *
 * @returns a lookup by token hash, in constant time
 */
export function adminToken(token: string): (tokenHash: Buffer) => Caller | undefined {
  const expected = hashToken(token);
  const caller: Caller = { subject: "admin", tenants: "*", scopes };
  return (tokenHash) => (tokenHash.length === expected.length && timingSafeEqual(tokenHash, expected) ? caller : undefined);
}

/**
 * The caller of a request, from its bearer token.
 *
 * @throws ProblemError `unauthenticated`, the same whether the token is missing, malformed or unknown
 */
export async function authenticate(request: Request, findCaller: (tokenHash: Buffer) => Promise<Caller | undefined>): Promise<Caller> {
  const token = bearer.exec(request.get("authorization") ?? "")?.[1];
  const caller = token === undefined ? undefined : await findCaller(hashToken(token));
  if (caller) return caller;
  throw new ProblemError("unauthenticated", "Send a valid token as Authorization: Bearer <token>.");
}
