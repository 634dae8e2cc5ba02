/** /v1/audit: who did what. */

import { z } from "zod";
import type { AuditRow } from "../../../model/audit-entry.ts";
import type { Caller } from "../../../model/caller.ts";
import { nameSchema } from "../../../model/names.ts";
import { auditAfter, listAudit } from "../../../store/audit.ts";
import { defineRoute, type Route } from "../../server/route.ts";
import { pageOf, pageQuery, queryNumber } from "../../views/schemas.ts";

const tag = "Audit";
const text = z.string().min(1).max(300);
const time = z.iso.datetime({ offset: true }).transform((at) => new Date(at).toISOString());

const auditView = z
  .object({
    id: z.string(),
    at: z.iso.datetime(),
    phase: z.enum(["intent", "outcome", "refusal"]),
    of: z.string().exactOptional().meta({ description: "Of an outcome: its intent" }),
    action: z.string().meta({ description: "A route, `operation:<kind>`, or a call of AWS's API such as `iam:UpdateAssumeRolePolicy`" }),
    subject: z.string(),
    tenant: z.string().exactOptional(),
    integration: z.string().exactOptional(),
    requestId: z.string().exactOptional(),
    operation: z.string().exactOptional(),
    request: z.string().exactOptional().meta({ description: "SHA-256 of what was sent" }),
    before: z.string().exactOptional().meta({ description: "Entity tag of the tenant or integration before" }),
    after: z.string().exactOptional().meta({ description: "Entity tag of the tenant or integration after" }),
    awsRequestId: z.string().exactOptional(),
    result: z.string().exactOptional().meta({ description: "An HTTP status, a problem's code, an operation's end, or `done`" }),
    count: z.int().exactOptional().meta({ description: "Of a refusal: more like it in the minute before, without rows of their own" }),
    seq: z.int().exactOptional().meta({ description: "This and the hashes: for callers that hold every tenant" }),
    previous: z.string().exactOptional(),
    hash: z.string().exactOptional(),
  })
  .meta({ id: "AuditRow" });
export type AuditView = z.output<typeof auditView>;

const filters = pageQuery.extend({
  tenant: nameSchema.exactOptional(),
  subject: text.exactOptional(),
  operation: text.exactOptional(),
  action: text.exactOptional(),
  since: time.exactOptional(),
  until: time.exactOptional(),
});

const list = defineRoute({
  method: "get",
  path: "/v1/audit",
  scope: "read",
  tag,
  summary: "What was done to the caller's tenants, the newest first",
  description:
    "Each mutation, operation and direct AWS write has a row before and one after; refusals for who asked have one. Rows without a tenant are for callers that hold every tenant.",
  query: filters,
  responses: { 200: { what: "One page", schema: pageOf(auditView) } },
})(async ({ api: { context }, caller, query }) => {
  const { items, nextCursor } = await listAudit(context.store.db, { ...query, tenants: caller.tenants });
  return { status: 200, body: { items: items.map((row) => showRow(caller, row)), nextCursor } };
});

const exportRows = defineRoute({
  method: "get",
  path: "/v1/audit/export",
  scope: "admin",
  everyTenant: true,
  tag,
  summary: "The audit as JSON lines, in order, for drawbridge-audit verify and for keeping elsewhere",
  query: z.strictObject({
    after: queryNumber({ minimum: 0, maximum: 999_999_999, default: 0 }).describe("The number of the last row that is kept already"),
    limit: queryNumber({ minimum: 1, maximum: 10_000, default: 10_000 }),
  }),
  responses: { 200: { what: "Rows, one object per line; none when there are no more", type: "application/x-ndjson" } },
})(async ({ api: { context }, query: { after, limit } }) => {
  const rows = await auditAfter(context.store.db, after, limit);
  return { status: 200, type: "application/x-ndjson", text: rows.map((row) => `${JSON.stringify(row)}\n`).join("") };
});

/** Sequence numbers and hashes of the chain would show how many rows other tenants have. */
function showRow(caller: Caller, { entry: { seq, ...entry }, previous, hash }: AuditRow): AuditView {
  return caller.tenants === "*" ? { ...entry, seq, previous, hash } : entry;
}

export const auditRoutes: Route[] = [list, exportRows];
