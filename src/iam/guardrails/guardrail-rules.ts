/** The guardrails that look at one statement. Each returns what it found, or undefined. */

import type { TrustedParty } from "../contract/contract.ts";
import { uncovered } from "../contract/coverage.ts";
import { parseOperator } from "../evaluate/condition.ts";
import { matchesWildcard } from "../evaluate/wildcard.ts";
import { catalogueAction, knowsService } from "../words/action-catalogue.ts";
import { listOf, type Statement } from "../words/policy-document.ts";
import { accountRootArn, parsePrincipal } from "../words/principal.ts";
import { isClosedTrust } from "../words/trust.ts";
import { escalatingActions } from "./escalation.ts";
import { type GuardedDocument, type GuardrailContext, referenceText, type Violation } from "./guardrail.ts";

type Found = Pick<Violation, "rule" | "detail"> | undefined;
type ContentRule = (statement: Statement, guarded: GuardedDocument, context: GuardrailContext) => Found;

function principals(statement: Statement): string[] {
  const { Principal } = statement;
  if (Principal === undefined) return [];
  return Principal === "*" ? ["*"] : Object.values(Principal).flatMap((values) => listOf(values));
}

const publicPrincipal: ContentRule = (statement) => {
  if (statement.Effect !== "Allow") return;
  const open =
    statement.NotPrincipal !== undefined || principals(statement).some((principal) => principal.includes("*") || principal.includes("?"));
  return open ? { rule: "public-principal", detail: "it lets in everybody, or everybody but a list" } : undefined;
};

/** The party of the contract that a principal is, whichever role trusts it. */
function partyOf(principal: string, { contract }: GuardrailContext): TrustedParty | undefined {
  return contract.roles.flatMap((role) => role.trusted).find((party) => root(party.principal) === root(principal));
}

const root = (principal: string): string => (/^[0-9]{12}$/.test(principal) ? accountRootArn(principal) : principal);

const outsidePrincipal: ContentRule = (statement, guarded, context) => {
  if (statement.Effect !== "Allow") return;
  const declared = new Set(context.contract.resources.map(({ principal }) => root(principal)));
  const stranger = principals(statement).find((text) => {
    const principal = parsePrincipal(text);
    if (guarded.kind === "trust") return partyOf(text, context) === undefined;
    const inside = principal !== undefined && "accountId" in principal && principal.accountId === context.accountId;
    return text !== referenceText && !inside && !declared.has(root(text));
  });
  return stranger === undefined
    ? undefined
    : { rule: "outside-principal", detail: `it lets in ${stranger}, whom the blueprint doesn't name` };
};

function stated(statement: Statement, operator: string, key: string): string[] {
  const keys = Object.entries(statement.Condition?.[operator] ?? {}).filter(([name]) => name.toLowerCase() === key.toLowerCase());
  return keys.flatMap(([, values]) => listOf(values).map(String));
}

const externalId: ContentRule = (statement, guarded, context) => {
  if (statement.Effect !== "Allow" || guarded.kind !== "trust") return;
  const outside = principals(statement).filter((text) => parsePrincipal(text)?.kind !== "service");
  if (outside.length === 0) return;
  const ids = stated(statement, "StringEquals", "sts:ExternalId");
  if (ids.length === 0)
    return { rule: "external-id", detail: "an outside account's principal is let in without StringEquals on sts:ExternalId" };
  const allowed = outside.flatMap((text) => partyOf(text, context)?.externalIds ?? []);
  return ids.every((id) => allowed.includes(id))
    ? undefined
    : { rule: "external-id", detail: "it takes an external id that the integration doesn't have" };
};

const confusedDeputy: ContentRule = (statement, guarded, context) => {
  if (statement.Effect !== "Allow" || guarded.kind !== "trust") return;
  const unguarded = principals(statement).find((text) => {
    if (parsePrincipal(text)?.kind !== "service" || partyOf(text, context)?.exception !== undefined) return false;
    const account = stated(statement, "StringEquals", "aws:SourceAccount");
    const source = [
      ...stated(statement, "StringEquals", "aws:SourceArn"),
      ...stated(statement, "ArnEquals", "aws:SourceArn"),
      ...stated(statement, "ArnLike", "aws:SourceArn"),
    ];
    return account.length === 0 || source.length === 0;
  });
  return unguarded === undefined
    ? undefined
    : { rule: "confused-deputy", detail: `${unguarded} is let in without aws:SourceArn and aws:SourceAccount` };
};

/** The contract's own words: what it declares with a wildcard may stand with that wildcard, and nothing else may. */
function declares(context: GuardrailContext, list: "actions" | "resources", text: string): boolean {
  const grants = [...context.contract.roles.flatMap((role) => role.grants), ...context.contract.resources];
  return grants.some((grant) => grant[list].includes(text));
}

const wildcardAction: ContentRule = (statement, _, context) => {
  if (statement.Effect !== "Allow") return;
  if (statement.NotAction !== undefined) return { rule: "wildcard-action", detail: "it allows every action but a list" };
  const open = listOf(statement.Action).find((action) => /[*?]/.test(action) && !declares(context, "actions", action));
  return open === undefined ? undefined : { rule: "wildcard-action", detail: `it allows ${open}, which the contract doesn't declare` };
};

const wildcardResource: ContentRule = (statement, guarded, context) => {
  if (statement.Effect !== "Allow") return;
  if (statement.NotResource !== undefined) return { rule: "wildcard-resource", detail: "it allows every resource but a list" };
  // In a key's policy `*` means this key (KMS developer guide, "Key policies").
  const open = listOf(statement.Resource).find(
    (resource) => resource === "*" && guarded.kind !== "key" && !declares(context, "resources", resource),
  );
  return open === undefined
    ? undefined
    : { rule: "wildcard-resource", detail: "it allows every resource, which the contract doesn't declare" };
};

/** What the blueprint declares as an exception, on a bucket, for the contract's own role, and no wider. */
function isDeclaredException(statement: Statement, { kind }: GuardedDocument, { contract }: GuardrailContext): boolean {
  if (kind !== "bucket" || statement.NotAction !== undefined || statement.NotResource !== undefined) return false;
  const named = principals(statement);
  return (contract.exceptions ?? []).some(
    ({ principal, actions, resources }) =>
      named.length > 0 &&
      named.every((text) => text === referenceText || text === principal) &&
      listOf(statement.Action).every((action) => actions.includes(action)) &&
      listOf(statement.Resource).every((resource) => resources.includes(resource)),
  );
}

const escalation: ContentRule = (statement, guarded, context) => {
  if (statement.Effect !== "Allow" || guarded.kind === "trust" || guarded.kind === "key") return;
  if (isDeclaredException(statement, guarded, context)) return;
  const found = listOf(statement.Action).flatMap((pattern) =>
    escalatingActions.filter((action) => matchesWildcard(pattern.toLowerCase(), action.toLowerCase())),
  )[0];
  return found === undefined ? undefined : { rule: "privilege-escalation", detail: `${found} would let its holder gain other permissions` };
};

/** A `*` stands only at a resource's end, never in the name of a bucket, and never where a parameter could have put it. */
const smuggledText: ContentRule = (statement) => {
  const odd = (text: string): boolean => text.includes("${") || text.includes("?") || /[^\x20-\x7e]/.test(text);
  const resource = [...listOf(statement.Resource), ...listOf(statement.NotResource)].find(
    (text) => text !== "*" && (odd(text) || /\*./.test(text) || /^arn:[^:]*:s3:::[^/]*\*/.test(text)),
  );
  if (resource !== undefined)
    return { rule: "smuggled-text", detail: "a resource holds a wildcard before its end, a policy variable or an odd character" };
  const values = Object.entries(statement.Condition ?? {}).flatMap(([operator, keys]) =>
    Object.values(keys).flatMap((wanted) =>
      listOf(wanted).map((value) => ({ text: String(value), isPattern: /Like$|Like(IfExists)$/.test(operator) })),
    ),
  );
  const value = values.find(({ text, isPattern }) => odd(text) || (isPattern ? /\*./.test(text) || text === "*" : text.includes("*")));
  return value === undefined ? undefined : { rule: "smuggled-text", detail: "a condition's value holds a wildcard or a policy variable" };
};

const partition: ContentRule = (statement, _, context) => {
  const texts = [...listOf(statement.Resource), ...listOf(statement.NotResource), ...principals(statement)];
  const other = texts.find((text) => text.startsWith("arn:") && text.split(":")[1] !== context.partition);
  return other === undefined ? undefined : { rule: "partition", detail: `${other} lies in another partition than ${context.partition}` };
};

/** We deny only to close a trust and to end old sessions; a Deny in a bucket's or key's policy could lock its owner out. */
const deny: ContentRule = (statement, { kind, document }) => {
  if (statement.Effect !== "Deny") return;
  if (kind === "trust" && isClosedTrust(document)) return;
  if (kind === "inline" && statement.Condition?.["DateLessThan"]?.["aws:TokenIssueTime"] !== undefined) return;
  return { rule: "deny", detail: "it denies, which no document of ours does but the closed trust and the ending of old sessions" };
};

const grammar: ContentRule = (statement, { kind }) => {
  const bad = (detail: string): Found => ({ rule: "grammar", detail });
  if (statement.Sid !== undefined && !/^[A-Za-z0-9]*$/.test(statement.Sid)) return bad("a Sid has only letters and digits");
  if ((kind === "inline") === (statement.Principal !== undefined))
    return bad(kind === "inline" ? "an identity policy has no Principal" : "it names no Principal");
  if ((kind === "trust") === (statement.Resource !== undefined))
    return bad(kind === "trust" ? "a trust policy has no Resource" : "it names no Resource");
  const unknown = listOf(statement.Action).find(
    (action) => action !== "*" && !/[*?]/.test(action) && knowsService(action) && catalogueAction(action) === undefined,
  );
  if (unknown !== undefined) return bad(`AWS has no action ${unknown}`);
  const operator = Object.keys(statement.Condition ?? {}).find((name) => parseOperator(name) === undefined);
  return operator === undefined ? undefined : bad(`AWS has no condition operator ${operator}`);
};

/** A document that gives more than its contract says would come out red after it was written; it is refused before. */
const beyondContract: ContentRule = (statement, { kind }, { contract }) => {
  if (statement.Effect !== "Allow" || kind !== "inline" || listOf(statement.Resource).includes(referenceText)) return;
  const why = uncovered(
    statement,
    contract.roles.flatMap((role) => role.grants),
  );
  return why === undefined ? undefined : { rule: "beyond-contract", detail: `the contract doesn't cover it: ${why}` };
};

export const contentRules: readonly ContentRule[] = [
  publicPrincipal,
  outsidePrincipal,
  externalId,
  confusedDeputy,
  wildcardAction,
  wildcardResource,
  escalation,
  smuggledText,
  partition,
  deny,
  grammar,
  beyondContract,
];
