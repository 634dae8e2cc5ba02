/** Finds the caller of a request by its bearer token. */
import type { Request } from "express";
import type { Caller } from "../../model/caller.ts";
import { ProblemError } from "../../problem.ts";

// RFC 6750 §2.1: b64token. No token format of ours is longer, so longer tokens are refused without a look-up.
const bearer = /^Bearer ([A-Za-z0-9._~+/-]{1,4096}=*)$/i;

/**
 * The caller of a request, from its bearer token.
 *
 * @throws ProblemError `unauthenticated`, the same whether the token is missing, malformed, unknown or no longer valid
 */
export async function authenticate(request: Request, findCaller: (token: string) => Promise<Caller | undefined>): Promise<Caller> {
  const token = bearer.exec(request.get("authorization") ?? "")?.[1];
  const caller = token === undefined ? undefined : await findCaller(token);
  if (caller) return caller;
  throw new ProblemError("unauthenticated", "Send a valid token as Authorization: Bearer <token>.");
}
