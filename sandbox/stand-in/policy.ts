/**
 * JSON policies as the real plugin treats them: stored compact with sorted keys, and compared by meaning.
 * Source: hashicorp/awspolicyequivalence aws_policy_equivalence.go, terraform-provider-aws internal/verify/json.go.
 */
import { equal, sorted, type Value } from "./values.ts";

type Json = { [key: string]: Value };

/** The stored form of a policy. `versionFirst` is iam.RolePolicy's own: Version stands before everything else. Throws when it isn't a JSON object. */
export function normalise(policy: string, versionFirst = false): string {
  const { Version, ...rest } = parse(policy);
  if (Version === undefined) return sorted(rest);
  if (!versionFirst) return sorted({ Version, ...rest });
  const tail = sorted(rest).slice(1);
  return `{"Version":${JSON.stringify(Version)}${tail === "}" ? "" : ","}${tail}`;
}

/** Whether two policies mean the same to the plugin: then there is no difference, and Read keeps the old text. */
export function equivalent(a: string, b: string): boolean {
  if (isEmpty(a) && isEmpty(b)) return true;
  if (isEmpty(a) || isEmpty(b)) return false;
  try {
    const [left, right] = [parse(a), parse(b)];
    if (!equal(left["Version"], right["Version"]) || !equal(left["Id"], right["Id"])) return false;
    const [ours, theirs] = [statements(left), statements(right)];
    return equal(ours, theirs);
  } catch {
    return a === b;
  }
}

const isEmpty = (policy: string) => policy.trim() === "" || policy.trim() === "{}";

function parse(policy: string): Json {
  const parsed = JSON.parse(policy) as Value;
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new Error("a policy is a JSON object");
  return parsed;
}

/** Statements in a form that is equal when they are equivalent, in an order of their own. */
function statements(policy: Json): Value[] {
  const given = policy["Statement"];
  const list = Array.isArray(given) ? given : given === undefined ? [] : [given];
  return list.map(statement).sort((a, b) => (sorted(a) < sorted(b) ? -1 : 1));
}

function statement(given: Value): Value {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  return Object.fromEntries(Object.entries(given).flatMap(([key, value]) => element(key, value)));
}

function element(key: string, value: Value): [string, Value][] {
  switch (key) {
    case "Effect":
      return [[key, String(value).toLowerCase()]];
    case "Action":
    case "NotAction":
    case "Resource":
    case "NotResource":
      return [[key, unordered(value)]];
    case "Principal":
    case "NotPrincipal":
      // The library skips a principal that is a bare string, so "*" equals an absent one.
      return typeof value === "string" ? [] : [[key, mapValues(value, (inner) => unordered(inner, principal))]];
    case "Condition":
      return [[key, mapValues(value, (operator) => mapValues(operator, (inner) => unordered(inner)))]];
    default:
      return [[key, value]];
  }
}

function mapValues(value: Value, change: (inner: Value) => Value): Value {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, change(inner)]));
}

function unordered(value: Value, change: (item: string) => string = (item) => item): Value {
  const list = Array.isArray(value) ? value : [value];
  return list.map((item) => change(String(item))).sort();
}

/** A bare account id means the account's root. */
function principal(given: string): string {
  return /^\d{12}$/.test(given) ? `arn:aws:iam::${given}:root` : given;
}
