/** The audit rows of one request: its intent and its outcome. */
import type { AuditFacts, AuditOutcome } from "../../model/audit-entry.ts";
import { type Caller, holdsTenant } from "../../model/caller.ts";
import { integrationEtag, tenantEtag } from "../../model/etag.ts";
import type { Db } from "../../store/database/transaction.ts";
import { findIntegration } from "../../store/integrations.ts";
import { findOperation } from "../../store/operations.ts";
import { findTenant } from "../../store/tenants.ts";
import type { Api } from "./api.ts";
import type { Answer } from "./route.ts";

export interface AuditedRequest {
  answered(answer: Answer): Promise<void>;
  failed(error: unknown): Promise<void>;
}

/** Writes the intent. If that fails, the request must not run. */
export async function beginAudit(
  { context, audit }: Pick<Api, "context" | "audit">,
  caller: Caller,
  given: Omit<AuditFacts, "subject" | "before">,
): Promise<AuditedRequest> {
  const { db } = context.store;
  const facts = { ...given, ...(await tenantOfOperation(db, caller, given)), subject: caller.subject };
  const before = await tagOf(db, facts);
  const row = await audit.begin({ ...facts, ...(before !== undefined && { before }) });
  return {
    answered: (answer) =>
      row.done(async () => {
        const after = tagIn(answer) ?? (await tagOf(db, facts));
        return { ...outcomeOf(answer), ...(after !== undefined && { after }) };
      }),
    failed: row.failed,
  };
}

/** A route by an operation's id names no tenant. The row gets the operation's tenant if the caller holds it. */
async function tenantOfOperation(db: Db, caller: Caller, { operation }: Pick<AuditFacts, "operation">): Promise<{ tenant?: string }> {
  const found = operation === undefined ? undefined : await findOperation(db, operation);
  return found?.tenant !== undefined && holdsTenant(caller, found.tenant) ? { tenant: found.tenant } : {};
}

/** The entity tag of the tenant or integration that the request is about. */
async function tagOf(db: Db, { tenant, integration }: Pick<AuditFacts, "tenant" | "integration">): Promise<string | undefined> {
  if (tenant === undefined) return undefined;
  if (integration === undefined) {
    const record = await findTenant(db, tenant);
    return record && tenantEtag(record);
  }
  const record = await findIntegration(db, tenant, integration);
  return record && integrationEtag(record);
}

/** The entity tag in an answer: that of the state that was written. */
function tagIn({ headers }: Answer): string | undefined {
  return /^"(.+)"$/.exec(headers?.["ETag"] ?? "")?.[1];
}

function outcomeOf({ status, headers }: Answer): AuditOutcome {
  const operation = /^\/v1\/operations\/([^/]+)$/.exec(headers?.["Location"] ?? "")?.[1];
  return { result: String(status), ...(operation !== undefined && { operation }) };
}
