/**
 * The circuit breaker in front of provisioning roles. A role that refused us five times in a row is left alone for 30 s, then tried by one
 * caller; each further refusal doubles the pause, up to ten minutes. Meanwhile every run that needs the account fails at once and says
 * until when. A success, or a PUT of the tenant, closes the circuit.
 */

import type { TenantRecord } from "../model/tenant.ts";
import { ProblemError, problemOf } from "../problem.ts";
import { type AccountRefusals, forgetRefusals, mayEnter, noteRefusal, wayIn } from "../store/account-refusals.ts";
import type { Db } from "../store/database/transaction.ts";
import type { Sts } from "./sts.ts";

/** What the role is to blame for. Our own credentials' faults would open every account's circuit. */
const rolesOwnFault = /AccessDenied|Forbidden|NoSuchEntity/;

/** The same door to STS, which counts refusals. What `insists` (a revocation) tries a role whatever the count. */
export function leaveAloneWhatRefuses(sts: Sts, db: Db): Sts {
  return {
    ...sts,
    async enterAccount(tenant, sessionName, { insists = false } = {}) {
      const way = wayIn(tenant);
      if (way === undefined) return sts.enterAccount(tenant, sessionName);
      const may = insists ? "yes" : await mayEnter(db, way);
      if (typeof may === "object") throw leftAlone(tenant, may);
      try {
        const credentials = await sts.enterAccount(tenant, sessionName);
        await forgetRefusals(db, way);
        return credentials;
      } catch (error) {
        const { code, cause = "" } = problemOf(error);
        if (code === "account_unreachable" && rolesOwnFault.test(cause)) {
          await noteRefusal(db, way, cause, { alone: may === "as-the-only-one" });
        }
        throw error;
      }
    },
  };
}

function leftAlone({ access }: TenantRecord, { count, notBefore = "" }: AccountRefusals): ProblemError {
  const seconds = Math.max(1, Math.ceil((Date.parse(notBefore) - Date.now()) / 1_000));
  return new ProblemError(
    "account_unreachable",
    `${access.mode === "assume-role" ? access.roleArn : "The role"} refused Drawbridge ${count} times in a row and isn't tried again before ${notBefore}. Correct its trust, then PUT the tenant again: that tries it at once.`,
    { cause: "circuit-open", retryAfter: seconds },
  );
}
