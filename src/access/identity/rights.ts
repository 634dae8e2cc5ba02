/** What a credential may do today. Timers, sources and approvals act for somebody who isn't there, and ask here. */
import { type Credential, type Rights, scopes } from "../../model/caller.ts";
import { findLiveKey } from "../../store/api-keys.ts";
import type { Db } from "../../store/database/transaction.ts";
import { type Issuer, rightsOfClaims } from "./oidc.ts";

export type RightsLookup = (credential: Credential) => Promise<Rights | undefined>;

/** The lookup over today's keys and rules. It returns undefined for a key that was removed or has expired, and for claims that no rule fits. */
export function rightsLookup({ db, issuers }: { db: Db; issuers: readonly Issuer[] }): RightsLookup {
  return async (credential) => {
    if (credential.kind === "admin") return { tenants: "*", scopes };
    if (credential.kind === "issuer") return rightsOfClaims(issuers, credential);
    const key = await findLiveKey(db, credential.id);
    return key && { tenants: key.tenants, scopes: key.scopes };
  };
}
