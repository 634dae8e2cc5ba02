/** The caller of a bearer token: the administrator, an API key, or a token of a configured issuer. */

import type { Caller } from "../../model/caller.ts";
import type { Db } from "../../store/database/transaction.ts";
import { callerOfKey } from "./api-keys.ts";
import type { TokenReader } from "./oidc.ts";
import { adminToken, isApiKey } from "./tokens.ts";

/** The lookup for every request. Undefined for a token that isn't valid; it gives no reason. */
export function callerLookup({ admin, db, readToken }: { admin: string; db: Db; readToken: TokenReader }) {
  const findAdmin = adminToken(admin);
  return async (token: string): Promise<Caller | undefined> => {
    const found = findAdmin(token);
    if (found) return found;
    return isApiKey(token) ? callerOfKey(db, token) : readToken(token);
  };
}
