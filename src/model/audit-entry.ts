/** What the audit keeps, and how its rows hang together. Pure: the same words for the service, an export and its reader. */
import { hash } from "node:crypto";
import { canonicalJson } from "../iam/words/policy-document.ts";

/** What is known of an action before it happens. */
export interface AuditFacts {
  /** `PUT /v1/tenants/{tenant}`, `operation:up`, `iam:UpdateAssumeRolePolicy` */
  action: string;
  /** Who asked */
  subject: string;
  tenant?: string;
  integration?: string;
  requestId?: string;
  operation?: string;
  /** SHA-256 (hex) of what was sent */
  request?: string;
  /** The entity tag of the tenant or integration before and, in the outcome, after; neither where there is none */
  before?: string;
}

/** What came of it. */
export interface AuditOutcome {
  /** An HTTP status, a problem's code, an operation's end, `done`, or AWS's error code */
  result: string;
  tenant?: string;
  operation?: string;
  after?: string;
  awsRequestId?: string;
}

export interface AuditEntry extends AuditFacts, Partial<AuditOutcome> {
  seq: number;
  id: string;
  /** RFC 3339 */
  at: string;
  /** An intent without an outcome is an action whose end nobody saw. A refusal stands alone. */
  phase: "intent" | "outcome" | "refusal";
  /** Of an outcome: its intent's id */
  of?: string;
  /** Of a refusal: how many more like it there were in the minute before, which have no row of their own */
  count?: number;
}

export interface AuditRow {
  entry: AuditEntry;
  /** SHA-256 (hex) of the row before; 64 zeros in the first */
  previous: string;
  /** SHA-256 (hex) over the canonical JSON of the entry's fields and `previous` */
  hash: string;
}

export interface AuditHead {
  seq: number;
  hash: string;
}

export const firstHead: AuditHead = { seq: 0, hash: "0".repeat(64) };

/** The row that comes after `head`. */
export function chain(head: AuditHead, entry: Omit<AuditEntry, "seq">): AuditRow {
  const numbered = { ...entry, seq: head.seq + 1 };
  return { entry: numbered, previous: head.hash, hash: hashOf(numbered, head.hash) };
}

/**
 * Follows the chain from `from`, row by row.
 *
 * @returns where it ends, or the first row that doesn't fit and why
 */
export function follow(rows: Iterable<AuditRow>, from: AuditHead = firstHead): { head: AuditHead } | { at: number; fault: string } {
  let head = from;
  for (const { entry, previous, hash } of rows) {
    const at = head.seq + 1;
    if (entry.seq !== at) return { at, fault: `row ${at} is missing or out of order: row ${entry.seq} stands in its place` };
    if (previous !== head.hash) return { at, fault: `row ${at} doesn't follow the row before it` };
    if (hash !== hashOf(entry, previous)) return { at, fault: `row ${at} was changed after it was written` };
    head = { seq: entry.seq, hash };
  }
  return { head };
}

function hashOf(entry: AuditEntry, previous: string): string {
  return hash("sha256", canonicalJson({ ...entry, previous }));
}
