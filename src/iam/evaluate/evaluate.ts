/**
 * Whether a request is allowed, by the documents that decide about it (IAM user guide, "Policy evaluation logic"). What can't
 * be judged is weighed both ways, and only where both ways end alike is there an answer; otherwise it is `undetermined`.
 */
import type { AccessDocuments, AccessRequest, DecidingStatement, Decision } from "../words/access-request.ts";
import { parseArn } from "../words/arn.ts";
import type { NamedDocument } from "../words/live.ts";
import { accountOfPrincipal, type Principal } from "../words/principal.ts";
import { settingDenials } from "./bucket-settings.ts";
import { grantAllows } from "./key-grants.ts";
import type { PrincipalGrade } from "./principal-match.ts";
import { requestContext, requestPrincipal } from "./request-context.ts";
import { type Asked, type DocumentKind, type Finding, findings } from "./statement-match.ts";

export type { AccessDocuments, AccessRequest, DecidingStatement, Decision } from "../words/access-request.ts";

/** What each kind of document says; undefined where there is none. */
interface Sides {
  settings: Finding[];
  identity: Finding[];
  boundary: Finding[] | undefined;
  session: Finding[] | undefined;
  resource: Finding[] | undefined;
}

/** Decides one request. Never throws: what can't be read is `undetermined`. */
export function evaluate(request: AccessRequest, documents: AccessDocuments): Decision {
  const principal = requestPrincipal(request.principal);
  if (principal === undefined)
    return { decision: "undetermined", deciding: [], because: [`The principal ${request.principal} can't be judged.`] };
  const context = requestContext(request, principal, resourceAccount(request, documents));
  const sides = readSides({ request, principal, context }, documents);
  const all = Object.values(sides).flatMap((side: Finding[] | undefined) => side ?? []);
  const denials = all.filter((finding) => finding.certain && finding.effect === "Deny");
  if (denials.length > 0) return decision("explicitly-denied", denials, denials.map(denialSentence));
  const most = allows(request, principal, documents, sides, true);
  const least = allows(request, principal, documents, sides, false);
  if (most.allowed !== least.allowed) {
    const doubtful = all.filter((finding) => !finding.certain);
    return decision("undetermined", doubtful, [...doubtful.map(doubtSentence), ...(doubtful.length === 0 ? [least.because] : [])]);
  }
  if (!most.allowed) return decision("implicitly-denied", [], [least.because]);
  const allowing = all.filter((finding) => finding.certain && finding.effect === "Allow");
  return decision("allowed", allowing, [least.because, ...allowing.map(allowanceSentence)]);
}

function decision(outcome: Decision["decision"], found: Finding[], because: string[]): Decision {
  const deciding = found.map(({ certain: _, grade: __, ...statement }): DecidingStatement => statement);
  return { decision: outcome, deciding, because };
}

/** `statement Sid of document`, or the statement's place where it has no Sid. */
export function statementName(statement: Pick<DecidingStatement, "document" | "sid" | "index">): string {
  return `statement ${statement.sid ?? `#${statement.index + 1}`} of ${statement.document}`;
}

const denialSentence = (finding: Finding): string => `It is denied by ${statementName(finding)}.`;
const allowanceSentence = (finding: Finding): string => `It is allowed by ${statementName(finding)}.`;
const doubtSentence = (finding: Finding): string => `It depends on ${statementName(finding)}, which can't be judged: ${finding.reason}.`;

function readSides(asked: Asked, documents: AccessDocuments): Sides {
  const read = (named: NamedDocument | undefined, kind: DocumentKind) => named && findings(named, kind, asked);
  const isTrust = isAssumeRole(asked.request.action);
  const account = resourceAccount(asked.request, documents);
  const foreign = account !== undefined && account !== accountOfPrincipal(asked.principal);
  return {
    settings: settingDenials(asked, foreign, documents),
    identity: (documents.identity ?? []).flatMap((named) => findings(named, "identity", asked)),
    boundary: read(documents.boundary, "identity"),
    session: read(documents.session, "identity"),
    resource: isTrust ? read(documents.trust, "trust") : resourceSide(asked, documents),
  };
}

/** A bucket's or key's policy and, for a key, its grants, each of which counts as a statement that names its grantee. */
function resourceSide(asked: Asked, documents: AccessDocuments): Finding[] | undefined {
  const policy = documents.bucketPolicy ?? documents.keyPolicy;
  if (policy === undefined && documents.grants === undefined) return;
  const granted = (documents.grants ?? []).flatMap((grant, index): Finding[] => {
    const allowed = grantAllows(grant, asked.request, asked.principal, asked.context);
    if (allowed === "no") return [];
    const certain = allowed === "yes";
    const reason = certain ? "it matches the request" : "its constraints can't be judged";
    return [{ document: `grant ${grant.id}`, index, effect: "Allow", reason, certain, grade: "direct" }];
  });
  return [...(policy === undefined ? [] : findings(policy, "resource", asked)), ...granted];
}

function isAssumeRole(action: string): boolean {
  return (
    action.toLowerCase().startsWith("sts:assumerole") ||
    action.toLowerCase() === "sts:tagsession" ||
    action.toLowerCase() === "sts:setsourceidentity"
  );
}

/** AWS's own managed policies stand under the account `aws`, which has no policy of its own to ask. */
function resourceAccount(request: AccessRequest, documents: AccessDocuments): string | undefined {
  const account = parseArn(request.resource)?.account;
  if (account === "aws") return undefined;
  return account === undefined || account === "" ? documents.resourceAccount : account;
}

interface Outcome {
  allowed: boolean;
  because: string;
}

const yes = (because: string): Outcome => ({ allowed: true, because });
const no = (because: string): Outcome => ({ allowed: false, because });

/** Whether something in `side` allows. In doubt, `generous` takes an uncertain Allow for one and an uncertain Deny for none. */
function hasAllow(side: Finding[] | undefined, generous: boolean, grades?: readonly PrincipalGrade[]): boolean {
  return (side ?? []).some(
    (finding) => finding.effect === "Allow" && (finding.certain || generous) && (grades === undefined || grades.includes(finding.grade)),
  );
}

function allows(request: AccessRequest, principal: Principal, documents: AccessDocuments, sides: Sides, generous: boolean): Outcome {
  const uncertainDeny = Object.values(sides).some((side: Finding[] | undefined) => side?.some((finding) => finding.effect === "Deny"));
  if (uncertainDeny && !generous) return no("A statement that can't be judged may deny it.");
  const resource = (...grades: PrincipalGrade[]): boolean => hasAllow(sides.resource, generous, grades);
  const anyResource = resource("direct", "role", "account") || (documents.assumeResourceAllows === true && sides.resource === undefined);
  if (principal.kind === "service")
    return anyResource ? yes("The resource's policy allows the service.") : no("No policy of the resource allows the service.");
  const limits = limitsAllow(sides, generous);
  const own = ownSideAllows(principal, documents, sides, generous);
  const needsResource = isAssumeRole(request.action) || isOnKey(request);
  const account = resourceAccount(request, documents);
  const foreign = account !== undefined && account !== accountOfPrincipal(principal);
  if (!foreign && resource("direct")) return yes("The resource's policy names the principal itself.");
  if (!foreign && resource("role") && limits.allowed) return yes("The resource's policy names the role.");
  if ((foreign || needsResource) && !anyResource) {
    return no(refusal(request));
  }
  if (!own.allowed) return own;
  if (!limits.allowed) return limits;
  return yes(anyResource ? "The principal's own side and the resource's policy both allow it." : "The principal's own policies allow it.");
}

/** Nothing works on a key without its policy's consent, not even for its own account (KMS developer guide, "Key policies"). */
function isOnKey(request: AccessRequest): boolean {
  return request.action.toLowerCase().startsWith("kms:") && parseArn(request.resource)?.resource.startsWith("key/") === true;
}

function refusal(request: AccessRequest): string {
  if (isAssumeRole(request.action)) return "The role's trust policy doesn't let this principal in on these conditions.";
  if (isOnKey(request)) return "Neither the key's policy nor a grant allows it.";
  return "The resource belongs to another account, whose policy doesn't allow it.";
}

function ownSideAllows(principal: Principal, documents: AccessDocuments, sides: Sides, generous: boolean): Outcome {
  if (documents.assumeCallerAllows === true || principal.kind === "account") return yes("The caller's own side is taken to allow it.");
  return hasAllow(sides.identity, generous) ? yes("The principal's own policies allow it.") : no("No policy of the principal allows it.");
}

function limitsAllow(sides: Sides, generous: boolean): Outcome {
  if (sides.boundary !== undefined && !hasAllow(sides.boundary, generous)) return no("The permissions boundary doesn't allow it.");
  if (sides.session !== undefined && !hasAllow(sides.session, generous)) return no("The session policy doesn't allow it.");
  return yes("No boundary or session policy is against it.");
}
