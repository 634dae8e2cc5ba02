/** What the account says about drift: the differences, and their effect on the vendor's access. Pure. */
import { hash } from "node:crypto";
import type { AccessContract } from "../iam/contract/contract.ts";
import { judge } from "../iam/contract/judge.ts";
import type { LiveDocuments } from "../iam/words/live.ts";
import { canonicalJson } from "../iam/words/policy-document.ts";
import { widerThanContract } from "../integrations/prove.ts";
import { isUniqueId } from "../integrations/stacks/document-differences.ts";
import type { Difference, DriftRecord } from "../model/drift.ts";
import type { ProblemError } from "../problem.ts";
import { problemOf } from "../problem.ts";
import { differencesOf, type Expected } from "./drift-differences.ts";

export type Verdict = Pick<DriftRecord, "verdict" | "access" | "differences" | "fingerprint" | "cause">;

/**
 * The verdict over live documents. The evaluator decides wider and narrower, row by row against the contract. It can't know two things: a
 * deleted principal is nobody, and a resource that is gone or out of use gives no access.
 */
export function driftVerdict(expected: Expected, contract: AccessContract, live: LiveDocuments, at: string): Verdict {
  const differences = differencesOf(expected, live);
  if (differences.length === 0) return { verdict: "none", access: "same", differences };
  const proof = judge(contract, live, at);
  const wider = widerThanContract(proof).some((row) => !row.principal.split(", ").every(isUniqueId));
  const narrower = proof.rows.some((row) => row.verdict === "red" && row.expect === "allow") || differences.some(outOfUse);
  const access = wider && narrower ? "wider-and-narrower" : wider ? "wider" : narrower ? "narrower" : "same";
  const fingerprint = hash("sha256", canonicalJson(differences));
  return { verdict: "found", access, differences, fingerprint };
}

/**
 * A key that isn't enabled decrypts nothing (KMS developer guide, "Key states"). A lost grant was needed, or it wouldn't have been made.
 */
const outOfUse = ({ document, what }: Difference): boolean =>
  what === "missing" || document === "key" || (document === "grants" && what === "removed");

/** The verdict if the account, or a document in it, couldn't be read. */
export function unknownVerdict(problem: ProblemError): Verdict {
  const { code, detail } = problemOf(problem);
  return { verdict: "unknown", access: "unknown", differences: [], cause: { code, detail } };
}
