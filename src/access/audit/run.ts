/** An operation's run in the audit: what Pulumi writes stands between its intent and its outcome. */
import type { Run } from "../../operations/run.ts";
import type { Audit } from "./audit.ts";

/** Runs an operation's work between its intent and its outcome. */
export function auditedRun(audit: Audit, { operation }: Pick<Run, "operation">, work: () => Promise<void>): Promise<void> {
  const { id, kind, tenant, integration, requestedBy } = operation;
  const facts = {
    action: `operation:${kind}`,
    subject: requestedBy,
    operation: id,
    ...(tenant !== undefined && { tenant }),
    ...(integration !== undefined && { integration }),
  };
  return audit.around(facts, work, () => ({ result: "succeeded" }));
}
