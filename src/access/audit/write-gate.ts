/** Every direct write into an account passes this gate: first the freeze, then the audit. */
import type { WriteGates } from "../../accounts/clients.ts";
import { ProblemError } from "../../problem.ts";
import type { Audit } from "./audit.ts";

/** `isFrozen` is asked before each write, so that it is never older than the write. */
export function writeGates({ audit, isFrozen }: { audit: Audit; isFrozen: () => Promise<boolean> }): WriteGates {
  return (visit) =>
    async ({ action, request }, send) => {
      if (await isFrozen())
        throw new ProblemError("frozen", "Everything is frozen: nothing is written to AWS until an administrator resumes.");
      return audit.around({ action, request, subject: "drawbridge", ...visit }, send, ({ awsRequestId }) => ({
        result: "done",
        ...(awsRequestId !== undefined && { awsRequestId }),
      }));
    };
}
