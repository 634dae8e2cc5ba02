/**
 * The circuit breaker in front of provisioning roles. A role that refused us five times in a row is left alone for 30 s, then tried by one
 * caller; each further refusal doubles the pause, up to ten minutes. Meanwhile every run that needs the account fails at once and says
 * until when. A success, or a PUT of the tenant, closes the circuit.
 */

import type { TenantRecord } from "../model/tenant.ts";
import { ProblemError, problemOf } from "../problem.ts";
import type { Sts } from "./sts.ts";

interface LeftAlone {
  /** Refusals in a row */
  count: number;
  /** Until when nobody tries; RFC 3339 */
  notBefore?: string;
}

/** What one provisioning role has refused, counted over all replicas. */
export interface RefusalCount {
  /** After a pause one caller may try; the others wait for its answer. */
  mayEnter(): Promise<"yes" | "as-the-only-one" | LeftAlone>;
  /** `alone`: only this caller was allowed to try it. */
  note(cause: string, options: { alone: boolean }): Promise<void>;
  forget(): Promise<void>;
}

/** Failures that the role causes. A fault of our own credentials would open the circuit of every account. */
const rolesOwnFault = /AccessDenied|Forbidden|NoSuchEntity/;

/** The same door to STS, which counts refusals; `countOf` has none where no role is assumed. What `insists` (a revocation) tries a role whatever the count. */
export function leaveAloneWhatRefuses(sts: Sts, countOf: (tenant: TenantRecord) => RefusalCount | undefined): Sts {
  return {
    ...sts,
    async enterAccount(tenant, sessionName, { insists = false } = {}) {
      const refusals = countOf(tenant);
      if (refusals === undefined) return sts.enterAccount(tenant, sessionName);
      const may = insists ? "yes" : await refusals.mayEnter();
      if (typeof may === "object") throw leftAlone(tenant, may);
      try {
        const credentials = await sts.enterAccount(tenant, sessionName);
        await refusals.forget();
        return credentials;
      } catch (error) {
        const { code, cause = "" } = problemOf(error);
        if (code === "account_unreachable" && rolesOwnFault.test(cause)) {
          await refusals.note(cause, { alone: may === "as-the-only-one" });
        }
        throw error;
      }
    },
  };
}

function leftAlone({ access }: TenantRecord, { count, notBefore = "" }: LeftAlone): ProblemError {
  const seconds = Math.max(1, Math.ceil((Date.parse(notBefore) - Date.now()) / 1_000));
  return new ProblemError(
    "account_unreachable",
    `${access.mode === "assume-role" ? access.roleArn : "The role"} refused Drawbridge ${count} times in a row and isn't tried again before ${notBefore}. Correct its trust, then PUT the tenant again: that tries it at once.`,
    { cause: "circuit-open", retryAfter: seconds },
  );
}
