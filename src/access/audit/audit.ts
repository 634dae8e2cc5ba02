/** Writes what is about to be done, does it, and writes what came of it. */
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
  /**
   * Runs `work` between an intent and an outcome. Where the intent can't be written nothing is done; where the outcome can't, the
   * work stands, the log says so, and the intent without an outcome shows it. Rejects with what `work` rejects with.
   */
  around<T>(facts: AuditFacts, work: () => Promise<T>, outcomeOf: (answer: T) => AuditOutcome | Promise<AuditOutcome>): Promise<T>;
}

/** An audit that appends to the store's chain. */
export function createAudit({ db, log }: { db: Db; log: Log }): Audit {
  const append = auditAppender(db);
  return {
    refusals: refusalRows(append, log),
    async around(facts, work, outcomeOf) {
      const id = randomUUID();
      await append({ ...facts, id, at: new Date().toISOString(), phase: "intent" });
      const end = async (outcome: () => AuditOutcome | Promise<AuditOutcome>) => {
        try {
          const { before: _before, request: _request, ...same } = facts;
          const what = { ...same, ...(await outcome()) };
          await append({ ...what, id: randomUUID(), at: new Date().toISOString(), phase: "outcome", of: id });
        } catch (error) {
          log.error("An outcome is missing from the audit: its intent stands alone", { operation: facts.operation, ...faultFields(error) });
        }
      };
      let answer: Awaited<ReturnType<typeof work>>;
      try {
        answer = await work();
      } catch (error) {
        await end(() => ({ result: problemOf(error).code, ...awsRequestOf(error) }));
        throw error;
      }
      await end(() => outcomeOf(answer));
      return answer;
    },
  };
}

/** What AWS calls a request of ours that it refused. */
function awsRequestOf(error: unknown): { awsRequestId?: string } {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return {};
  const { requestId } = error.$metadata as { requestId?: string };
  return requestId === undefined ? {} : { awsRequestId: requestId };
}
