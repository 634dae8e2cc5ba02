/** One statement against one request. */
import type { AccessRequest, DecidingStatement } from "../words/access-request.ts";
import type { NamedDocument } from "../words/live.ts";
import { listOf, type OneOrMany, type Statement } from "../words/policy-document.ts";
import { expandVariables } from "../words/policy-variables.ts";
import type { Principal } from "../words/principal.ts";
import { conditionHolds } from "./condition.ts";
import { type PrincipalGrade, principalMatches } from "./principal-match.ts";
import type { RequestContext } from "./request-context.ts";
import { not, some, type Truth, truth } from "./truth.ts";
import { compilePattern, matchesLowered, matchesPattern } from "./wildcard.ts";

/** A statement that applies to the request, or may. */
export interface Finding extends DecidingStatement {
  certain: boolean;
  grade: PrincipalGrade;
}

export interface Asked {
  request: AccessRequest;
  principal: Principal;
  context: RequestContext;
}

/** `identity` documents have no Principal, `resource` documents need one, `trust` documents have no Resource either. */
export type DocumentKind = "identity" | "resource" | "trust";

const versions = new Set(["2012-10-17", "2008-10-17"]);
const elements = new Set(["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"]);
const documentElements = new Set(["Version", "Id", "Statement"]);

/** The statements of a document that apply to the request for certain, or that may because something about them can't be judged. */
export function findings(named: NamedDocument, kind: DocumentKind, asked: Asked): Finding[] {
  const { document } = named;
  const fault = documentFault(named);
  const found: Finding[] = [];
  for (const [index, statement] of document.Statement.entries()) {
    const applies = statementApplies(statement, kind, document.Version, asked);
    if (applies.truth === "no") continue;
    const unknown = fault ?? (applies.truth === "unknown" ? (applies.reason ?? "it can't be judged") : undefined);
    found.push({
      document: named.name,
      ...(statement.Sid !== undefined && { sid: statement.Sid }),
      index,
      effect: statement.Effect === "Deny" ? "Deny" : "Allow",
      reason: unknown ?? "it matches the request",
      certain: unknown === undefined,
      grade: applies.grade,
    });
    // An effect that isn't known could be either.
    if (statement.Effect !== "Allow" && statement.Effect !== "Deny") found.push({ ...lastOf(found), effect: "Deny" });
  }
  return found;
}

function lastOf(found: Finding[]): Finding {
  const last = found.at(-1);
  if (last === undefined) throw new Error("no finding");
  return last;
}

function documentFault({ document }: NamedDocument): string | undefined {
  if (!versions.has(document.Version)) return `the document's version ${document.Version} isn't known`;
  const odd = Object.keys(document).find((element) => !documentElements.has(element));
  return odd === undefined ? undefined : `the document's element ${odd} isn't known`;
}

interface Applies {
  truth: Truth;
  grade: PrincipalGrade;
  reason?: string;
}

/** Cheap rules first: most statements of a role are about other actions. */
function statementApplies(statement: Statement, kind: DocumentKind, version: string, asked: Asked): Applies {
  const { request, context } = asked;
  let grade: PrincipalGrade = "direct";
  if (actionMatches(statement, request.action) === "no") return { truth: "no", grade };
  const resource: { truth: Truth; reason?: string } =
    kind === "trust" ? { truth: "yes" } : resourceMatches(statement, version, request.resource, context);
  if (resource.truth === "no") return { truth: "no", grade };
  let unknown = shapeFault(statement, kind) ?? resource.reason;
  if (kind !== "identity") {
    const match = principalMatches(statement, asked.principal);
    if (match.matches === "no") return { truth: "no", grade };
    grade = match.grade;
    if (match.matches === "unknown") unknown ??= match.reason ?? "its principal can't be judged";
  }
  const condition = conditionHolds(statement.Condition, version, context);
  if (condition.holds === "no") return { truth: "no", grade };
  if (condition.holds === "unknown") unknown ??= condition.reason;
  return unknown === undefined ? { truth: "yes", grade } : { truth: "unknown", grade, reason: unknown };
}

/** What AWS's grammar doesn't allow, or what isn't known here. */
function shapeFault(statement: Statement, kind: DocumentKind): string | undefined {
  for (const element in statement) if (!elements.has(element)) return `the element ${element} isn't known`;
  if (statement.Effect !== "Allow" && statement.Effect !== "Deny") return "its Effect is neither Allow nor Deny";
  if ((statement.Action === undefined) === (statement.NotAction === undefined)) return "it has not exactly one of Action and NotAction";
  const resources = (statement.Resource === undefined ? 0 : 1) + (statement.NotResource === undefined ? 0 : 1);
  if (resources !== (kind === "trust" ? 0 : 1)) {
    return kind === "trust" ? "a trust policy's statement has no Resource" : "it has not exactly one of Resource and NotResource";
  }
  if (kind === "identity" && (statement.Principal !== undefined || statement.NotPrincipal !== undefined))
    return "an identity policy's statement has no Principal";
  return;
}

/** Actions don't depend on case. */
function actionMatches(statement: Statement, action: string): Truth {
  const lower = action.toLowerCase();
  const named = (values: OneOrMany<string>): boolean => listOf(values).some((value) => matchesLowered(value, lower));
  if (statement.Action !== undefined) return statement.NotAction === undefined ? truth(named(statement.Action)) : "unknown";
  return statement.NotAction === undefined ? "unknown" : truth(!named(statement.NotAction));
}

function resourceMatches(
  statement: Statement,
  version: string,
  resource: string,
  context: RequestContext,
): { truth: Truth; reason?: string } {
  let reason: string | undefined;
  const named = (values: OneOrMany<string>): Truth =>
    some(listOf(values), (value) => {
      const fits = resourceFits(value, version, resource, context);
      if (typeof fits === "string") return fits;
      reason = fits.reason;
      return "unknown";
    });
  const result =
    statement.Resource !== undefined
      ? named(statement.Resource)
      : statement.NotResource !== undefined
        ? not(named(statement.NotResource))
        : "unknown";
  return result === "unknown" ? { truth: result, reason: reason ?? "its resource can't be judged" } : { truth: result };
}

/** Each of an ARN's six parts by itself, so that a `*` in one part never reaches into the next (IAM user guide, "Resource"). */
function resourceFits(value: string, version: string, resource: string, context: RequestContext): Truth | { reason: string } {
  if (value === "*" || value === resource) return "yes";
  if (!value.includes("${")) {
    const { literal, pattern, parts } = compilePattern(value);
    return resource.startsWith(literal) ? partsFit(pattern, parts, resource, value) : "no";
  }
  const expanded = expandVariables(value, version, context);
  if ("unknown" in expanded) return { reason: expanded.unknown };
  return "absent" in expanded ? "no" : partsFit(expanded.pattern, expanded.pattern.split(":"), resource, value);
}

function partsFit(pattern: string, patterns: readonly string[], resource: string, value: string): Truth | { reason: string } {
  if (patterns.length < 6) return matchesPattern(pattern, resource) ? { reason: `the resource ${value} isn't a whole ARN` } : "no";
  const parts = resource.split(":");
  for (let part = 0; part < 5; part++) if (!matchesPattern(patterns[part] ?? "", parts[part] ?? "")) return "no";
  return truth(matchesPattern(patterns.slice(5).join(":"), parts.slice(5).join(":")));
}
