/** Keys, audit, freeze and limits: a part of Services. */

import type { Refusal } from "../access/audit/refusals.ts";
import type { AuditFacts, AuditRow } from "../model/audit-entry.ts";
import type { Caller } from "../model/caller.ts";
import type { ApiKeyView, KeyBody, MadeKeyView } from "./routes/api-keys.ts";
import type { AuditFiltersBody, AuditView } from "./routes/audit.ts";
import type { FreezeView } from "./routes/freeze.ts";
import type { Answer } from "./server/route.ts";
import type { Page, PageRequest } from "./services.ts";

export interface SecurityServices {
  makeApiKey(caller: Caller, body: KeyBody): Promise<MadeKeyView>;
  listApiKeys(page: PageRequest): Promise<Page<ApiKeyView>>;
  rotateApiKey(caller: Caller, id: string, overlapMinutes: number): Promise<MadeKeyView>;
  deleteApiKey(id: string): Promise<void>;

  /** Runs one mutation between its intent and its outcome in the audit. */
  audited(caller: Caller, facts: Omit<AuditFacts, "subject" | "before">, run: () => Promise<Answer>): Promise<Answer>;
  /** Notes a request that was refused for who sent it; returns at once. */
  noteRefusal(refusal: Refusal): void;
  listAudit(caller: Caller, filters: AuditFiltersBody): Promise<Page<AuditView>>;
  /** Rows with a number above `after`, in order. */
  exportAudit(after: number, limit: number): Promise<AuditRow[]>;

  /** The freeze as this process last saw it, without waiting. */
  frozen(): FreezeView | undefined;
  freeze(caller: Caller, reason: string): Promise<FreezeView>;
  unfreeze(): Promise<void>;

  /** Counts a request. `rate_limited` when the caller, or the tenant that is named, has had its share. */
  countRequest(caller: Caller, request: { tenant?: string; destroys: boolean; writes: boolean }): Promise<void>;
  /** Waits until a tenant's next change may be taken. `rate_limited` when that takes too long. */
  keepPace(tenant: string): Promise<void>;
}
