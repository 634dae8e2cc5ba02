/** The audit of one action: writes its intent, does it, writes its outcome. */
import { randomUUID } from "node:crypto";
import { faultFields, type Log } from "../../log.ts";
import type { AuditFacts, AuditOutcome } from "../../model/audit-entry.ts";
import { problemOf } from "../../problem.ts";
import { auditAppender } from "../../store/audit.ts";
import type { Db } from "../../store/database/transaction.ts";
import { type RefusalRows, refusalRows } from "./refusals.ts";

export interface Audit {
  /** Requests that were refused for who sent them. */
  refusals: RefusalRows;
  /** Writes the intent. Rejects if it can't be written; then the action must not start. */
  begin(facts: AuditFacts): Promise<AuditRows>;
  /** Runs `work` between an intent and an outcome. Rejects with what `work` rejects with. */
  around<T>(facts: AuditFacts, work: () => Promise<T>, outcomeOf: (answer: T) => AuditOutcome): Promise<T>;
}

/** The outcome after an intent. If it can't be written, the work isn't undone: the log reports it, and the intent stays without an outcome. */
export interface AuditRows {
  done(outcome: () => AuditOutcome | Promise<AuditOutcome>): Promise<void>;
  failed(error: unknown): Promise<void>;
}

/** An audit that appends to the store's chain. */
export function createAudit({ db, log }: { db: Db; log: Log }): Audit {
  const append = auditAppender(db);
  const begin = async (facts: AuditFacts): Promise<AuditRows> => {
    const id = randomUUID();
    await append({ ...facts, id, at: new Date().toISOString(), phase: "intent" });
    const done: AuditRows["done"] = async (outcome) => {
      try {
        const { before: _before, request: _request, ...same } = facts;
        await append({ ...same, ...(await outcome()), id: randomUUID(), at: new Date().toISOString(), phase: "outcome", of: id });
      } catch (error) {
        log.error("An outcome is missing from the audit: its intent stands alone", { operation: facts.operation, ...faultFields(error) });
      }
    };
    return { done, failed: (error) => done(() => ({ result: problemOf(error).code, ...awsRequestOf(error) })) };
  };
  return {
    refusals: refusalRows(append, log),
    begin,
    async around(facts, work, outcomeOf) {
      const rows = await begin(facts);
      let answer: Awaited<ReturnType<typeof work>>;
      try {
        answer = await work();
      } catch (error) {
        await rows.failed(error);
        throw error;
      }
      await rows.done(() => outcomeOf(answer));
      return answer;
    },
  };
}

/** AWS's request id of a call that it refused. */
function awsRequestOf(error: unknown): { awsRequestId?: string } {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return {};
  const { requestId } = error.$metadata as { requestId?: string };
  return requestId === undefined ? {} : { awsRequestId: requestId };
}
