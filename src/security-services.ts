/** Keys, audit, freeze and limits, as the HTTP layer calls them. */
import type { Audit } from "./access/audit/audit.ts";
import { makeKey, removeKey, rotateKey } from "./access/identity/api-keys.ts";
import type { Limits } from "./access/limits/limits.ts";
import type { AuditView } from "./http/routes/audit.ts";
import type { SecurityServices } from "./http/security-services.ts";
import type { Answer } from "./http/server/route.ts";
import { integrationEtag, tenantEtag } from "./integrations/etag.ts";
import type { AuditFacts, AuditOutcome, AuditRow } from "./model/audit-entry.ts";
import { type Caller, holdsTenant } from "./model/caller.ts";
import type { Freeze } from "./operations/freeze.ts";
import { listApiKeys } from "./store/api-keys.ts";
import { auditAfter, listAudit } from "./store/audit.ts";
import type { Db } from "./store/database/transaction.ts";
import { clearFreeze, saveFreeze } from "./store/freeze.ts";
import { findIntegration } from "./store/integrations.ts";
import { findOperation } from "./store/operations.ts";
import { findTenant } from "./store/tenants.ts";

export interface SecurityParts {
  audit: Audit;
  freeze: Freeze;
  limits: Limits;
}

/** The part of the services that is about who may do what, and who did. */
export function securityServices(db: Db, { audit, freeze, limits }: SecurityParts): SecurityServices {
  return {
    makeApiKey: (caller, body) => makeKey(db, caller, body),
    listApiKeys: (page) => listApiKeys(db, page),
    rotateApiKey: (caller, id, overlapMinutes) => rotateKey(db, caller, id, overlapMinutes),
    deleteApiKey: (id) => removeKey(db, id),

    async audited(caller, given, run) {
      const facts = { ...given, ...(await tenantOfOperation(db, caller, given)), subject: caller.subject };
      const before = await tagOf(db, facts);
      return audit.around({ ...facts, ...(before !== undefined && { before }) }, run, async (answer) => {
        const after = tagIn(answer) ?? (await tagOf(db, facts));
        return { ...outcomeOf(answer), ...(after !== undefined && { after }) };
      });
    },
    noteRefusal: audit.refusals.note,
    async listAudit(caller, filters) {
      const { items, nextCursor } = await listAudit(db, { ...filters, tenants: caller.tenants });
      return { items: items.map((row) => auditView(caller, row)), nextCursor };
    },
    exportAudit: (after, limit) => auditAfter(db, after, limit),

    frozen: () => freeze.seen(),
    async freeze(caller, reason) {
      await saveFreeze(db, { reason, requestedBy: caller.subject });
      const frozen = await freeze.look();
      if (!frozen) throw new Error("the freeze ended while it began");
      return frozen;
    },
    async unfreeze() {
      await clearFreeze(db);
      await freeze.look();
    },

    countRequest: (caller, request) => limits.count(caller.subject, request),
    keepPace: (tenant) => limits.keepPace(tenant),
  };
}

/** Numbers and hashes of the chain tell how much is done for others. */
function auditView(caller: Caller, { entry: { seq, ...entry }, previous, hash }: AuditRow): AuditView {
  return caller.tenants === "*" ? { ...entry, seq, previous, hash } : entry;
}

/** Routes by an operation's id name no tenant: it is the operation's, where the caller may know that. */
async function tenantOfOperation(db: Db, caller: Caller, { operation }: Pick<AuditFacts, "operation">): Promise<{ tenant?: string }> {
  const found = operation === undefined ? undefined : await findOperation(db, operation);
  return found?.tenant !== undefined && holdsTenant(caller, found.tenant) ? { tenant: found.tenant } : {};
}

/** The entity tag of what the request is about. */
async function tagOf(db: Db, { tenant, integration }: Pick<AuditFacts, "tenant" | "integration">): Promise<string | undefined> {
  if (tenant === undefined) return undefined;
  if (integration === undefined) {
    const record = await findTenant(db, tenant);
    return record && tenantEtag(record);
  }
  const record = await findIntegration(db, tenant, integration);
  return record && integrationEtag(record);
}

/** What an answer says of the state that was written. */
function tagIn({ headers }: Answer): string | undefined {
  return /^"(.+)"$/.exec(headers?.["ETag"] ?? "")?.[1];
}

function outcomeOf({ status, headers }: Answer): AuditOutcome {
  const operation = /^\/v1\/operations\/([^/]+)$/.exec(headers?.["Location"] ?? "")?.[1];
  return { result: String(status), ...(operation !== undefined && { operation }) };
}
