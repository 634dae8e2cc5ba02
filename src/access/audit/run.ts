/** The run of an operation in the audit: Pulumi's writes happen between its intent and its outcome. */
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
