/** IAM policy documents as AWS's grammar has them (IAM user guide, "Grammar of the IAM JSON policy language"). */
import { hash } from "node:crypto";
import * as z from "zod";
import { ProblemError } from "../../problem.ts";

export type OneOrMany<T> = T | T[];
export type ConditionValue = OneOrMany<string | number | boolean>;
/** operator -> key -> values */
export type ConditionBlock = Record<string, Record<string, ConditionValue>>;
export type PrincipalElement = "*" | Record<string, OneOrMany<string>>;

export interface Statement {
  Sid?: string;
  Effect: "Allow" | "Deny";
  Principal?: PrincipalElement;
  NotPrincipal?: PrincipalElement;
  Action?: OneOrMany<string>;
  NotAction?: OneOrMany<string>;
  Resource?: OneOrMany<string>;
  NotResource?: OneOrMany<string>;
  Condition?: ConditionBlock;
}

export interface PolicyDocument {
  Version: string;
  Id?: string;
  Statement: Statement[];
}

/**
 * The most characters a document may have, white space not counted (IAM user guide, "IAM and AWS STS quotas"; S3 user guide,
 * "Bucket policies"; KMS developer guide, "Resource quotas"). `trust` is the default that accounts start with.
 */
export const documentLimits = { trust: 2_048, inline: 10_240, managed: 6_144, bucket: 20_480, key: 32_768, session: 2_048 } as const;

const strings = z.union([z.string(), z.array(z.string())]);
const principal = z.union([z.literal("*"), z.record(z.string(), strings)]);
const scalar = z.union([z.string(), z.number(), z.boolean()]);
/** Loose: what isn't known is kept, so that foreign statements survive a merge and the evaluator can call them undetermined. */
const statement = z.looseObject({
  Sid: z.string().optional(),
  Effect: z.enum(["Allow", "Deny"]),
  Principal: principal.optional(),
  NotPrincipal: principal.optional(),
  Action: strings.optional(),
  NotAction: strings.optional(),
  Resource: strings.optional(),
  NotResource: strings.optional(),
  Condition: z.record(z.string(), z.record(z.string(), z.union([scalar, z.array(scalar)]))).optional(),
});
const document = z.looseObject({
  Version: z.string().optional(),
  Id: z.string().optional(),
  Statement: z.union([z.array(statement), statement]),
});

export type DocumentFailure = "not-json" | "not-a-policy";
export type ParsedDocument = { ok: true; document: PolicyDocument } | { ok: false; failure: DocumentFailure; detail: string };

/**
 * Reads a policy document's text, plain or URL-encoded as IAM's API returns it (IAM API reference, GetRole: "URL-encoded
 * compliant with RFC 3986"). A single statement becomes a list of one, an absent version becomes 2008-10-17, which is what AWS
 * takes it for. Elements and operators that aren't known are kept as they are.
 */
export function parseDocument(text: string): ParsedDocument {
  let value: unknown;
  try {
    value = JSON.parse(text.trimStart().startsWith("%7B") ? decodeURIComponent(text) : text);
  } catch {
    return { ok: false, failure: "not-json", detail: "the text isn't JSON" };
  }
  const parsed = document.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { ok: false, failure: "not-a-policy", detail: `at /${issue?.path.join("/") ?? ""}: ${issue?.message ?? "not a policy"}` };
  }
  const { Version = "2008-10-17", Statement, ...others } = parsed.data;
  return { ok: true, document: { Version, ...others, Statement: [Statement].flat() } as PolicyDocument };
}

/**
 * A live document, from the text that AWS returned.
 *
 * @throws ProblemError aws_rejected when it can't be read: nothing may be judged on a document that isn't understood
 */
export function readDocument(text: string | undefined): PolicyDocument {
  const parsed = parseDocument(text ?? "");
  if (parsed.ok) return parsed.document;
  throw new ProblemError(
    "aws_rejected",
    "AWS returned a policy document that can't be read. Look at the document in the AWS console and repair it.",
    {
      cause: parsed.failure,
    },
  );
}

/** One value or a list, as a list. */
export function listOf<T>(value: OneOrMany<T> | undefined): T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** JSON with the keys of every object in code-unit order and without white space: equal values give equal texts. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(",")}}`;
}

const sorted = (values: readonly string[]): string[] => [...new Set(values)].sort();

/** IAM itself stores a bare account id as that account's root, and `*` means the same as `{"AWS": "*"}` (IAM user guide, "Principal"). */
function canonicalPrincipal(element: PrincipalElement): Record<string, string[]> {
  if (element === "*") return { AWS: ["*"] };
  const root = (value: string): string => (/^[0-9]{12}$/.test(value) ? `arn:aws:iam::${value}:root` : value);
  return Object.fromEntries(
    Object.entries(element).map(([type, values]) => [type, sorted(listOf(values).map(type === "AWS" ? root : String))]),
  );
}

/** Operator, key and values as triples: keys don't depend on case, and an empty block says nothing. */
function canonicalCondition(block: ConditionBlock): [string, string, string[]][] {
  const triples = Object.entries(block).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]): [string, string, string[]] => [
      operator,
      key.toLowerCase(),
      sorted(listOf(values).map(String)),
    ]),
  );
  return triples.sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));
}

function canonicalStatement(statement: Statement): Record<string, unknown> {
  const { Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition, ...others } = statement;
  const actions = (values: OneOrMany<string>): string[] => sorted(listOf(values).map((action) => action.toLowerCase()));
  const condition = Condition && canonicalCondition(Condition);
  return {
    ...others,
    ...(Principal !== undefined && { Principal: canonicalPrincipal(Principal) }),
    ...(NotPrincipal !== undefined && { NotPrincipal: canonicalPrincipal(NotPrincipal) }),
    ...(Action !== undefined && { Action: actions(Action) }),
    ...(NotAction !== undefined && { NotAction: actions(NotAction) }),
    ...(Resource !== undefined && { Resource: sorted(listOf(Resource)) }),
    ...(NotResource !== undefined && { NotResource: sorted(listOf(NotResource)) }),
    ...(condition !== undefined && condition.length > 0 && { Condition: condition }),
  };
}

/**
 * The text that all documents of the same meaning share: keys and lists sorted, one value the same as a list of one, actions
 * and condition keys in lower case, statements in no particular order, bare account ids as roots. Sids and Id count.
 */
export function canonicalDocument(document: PolicyDocument): string {
  const statements = document.Statement.map((statement) => canonicalJson(canonicalStatement(statement))).sort();
  const { Statement: _, ...others } = document;
  return `{"Document":${canonicalJson(others)},"Statement":[${statements.join(",")}]}`;
}

/** Whether two documents say the same; an absent document equals only an absent one. */
export function sameDocument(a: PolicyDocument | undefined, b: PolicyDocument | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return canonicalDocument(a) === canonicalDocument(b);
}

/** SHA-256 (hex) of a document's canonical form. */
export function documentDigest(document: PolicyDocument): string {
  return hash("sha256", canonicalDocument(document));
}

/**
 * How many characters AWS counts: those of the minified JSON, because IAM doesn't count white space between tokens. White space
 * inside strings is counted here, so the figure is never too small.
 */
export function documentSize(document: PolicyDocument): number {
  return new TextEncoder().encode(JSON.stringify(document)).length;
}
