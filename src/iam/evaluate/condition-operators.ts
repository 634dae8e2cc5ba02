/** The condition operators (IAM user guide, "IAM JSON policy elements: Condition operators"), each a test of one value against one. */
import { addressInRange } from "../words/ip-address.ts";
import { type Truth, truth } from "./truth.ts";
import { anyCharacter, anyText, matchesPattern } from "./wildcard.ts";

/** `wanted` is the document's value with variables filled in, as a pattern; `actual` the request's. */
type ValueTest = (wanted: string, actual: string) => Truth;

export interface ConditionOperator {
  test: ValueTest;
  /** True when the condition holds where no value fits, such as StringNotEquals. */
  negated: boolean;
  /** Whether `*` and `?` in the document are wildcards, and whether variables are filled in. */
  wildcards: boolean;
  variables: boolean;
}

/** Wildcards of a pattern back as plain characters, for operators to which they mean nothing. */
const plain = (pattern: string): string => pattern.replaceAll(anyText, "*").replaceAll(anyCharacter, "?");

const stringEquals: ValueTest = (wanted, actual) => truth(plain(wanted) === actual);
const stringEqualsIgnoreCase: ValueTest = (wanted, actual) => truth(plain(wanted).toLowerCase() === actual.toLowerCase());
const stringLike: ValueTest = (wanted, actual) => truth(matchesPattern(wanted, actual));

/** Each of the six parts separately; the last one holds the rest with its colons. A document's value that isn't an ARN can't be judged. */
const arnLike: ValueTest = (wanted, actual) => {
  const [patterns, parts] = [arnParts(wanted), arnParts(actual)];
  if (patterns === undefined) return "unknown";
  if (parts === undefined) return "no";
  return truth(patterns.every((pattern, index) => matchesPattern(pattern, parts[index] ?? "")));
};

function arnParts(text: string): string[] | undefined {
  const parts = text.split(":");
  if (parts.length < 6 || parts[0] !== "arn") return;
  return [...parts.slice(0, 5), parts.slice(5).join(":")];
}

const bool: ValueTest = (wanted, actual) => {
  const [a, b] = [plain(wanted).toLowerCase(), actual.toLowerCase()];
  if (![a, b].every((value) => value === "true" || value === "false")) return "unknown";
  return truth(a === b);
};

const binaryEquals: ValueTest = (wanted, actual) => truth(plain(wanted) === actual);

const ipAddress: ValueTest = (wanted, actual) => addressInRange(actual, plain(wanted));

function compared(read: (text: string) => number | undefined, holds: (actual: number, wanted: number) => boolean): ValueTest {
  return (wanted, actual) => {
    const [limit, value] = [read(plain(wanted)), read(actual)];
    if (limit === undefined || value === undefined) return "unknown";
    return truth(holds(value, limit));
  };
}

function readNumber(text: string): number | undefined {
  return /^[+-]?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : undefined;
}

/** Milliseconds since 1970 from an ISO 8601 date, with or without a time, or from seconds since 1970. */
function readDate(text: string): number | undefined {
  if (/^[0-9]{1,12}$/.test(text) && text.length !== 4) return Number(text) * 1000;
  if (!/^[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2}))?)?)?$/.test(text)) return;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

const operator = (test: ValueTest, more: Partial<ConditionOperator> = {}): ConditionOperator => ({
  test,
  negated: false,
  wildcards: false,
  variables: false,
  ...more,
});
const text = { variables: true };
const pattern = { variables: true, wildcards: true };
const negated = { negated: true };

const operators = new Map<string, ConditionOperator>([
  ["StringEquals", operator(stringEquals, text)],
  ["StringNotEquals", operator(stringEquals, { ...text, ...negated })],
  ["StringEqualsIgnoreCase", operator(stringEqualsIgnoreCase, text)],
  ["StringNotEqualsIgnoreCase", operator(stringEqualsIgnoreCase, { ...text, ...negated })],
  ["StringLike", operator(stringLike, pattern)],
  ["StringNotLike", operator(stringLike, { ...pattern, ...negated })],
  ["ArnEquals", operator(arnLike, pattern)],
  ["ArnLike", operator(arnLike, pattern)],
  ["ArnNotEquals", operator(arnLike, { ...pattern, ...negated })],
  ["ArnNotLike", operator(arnLike, { ...pattern, ...negated })],
  ["Bool", operator(bool)],
  ["BinaryEquals", operator(binaryEquals)],
  ["IpAddress", operator(ipAddress)],
  ["NotIpAddress", operator(ipAddress, negated)],
]);
const orders: [string, (actual: number, wanted: number) => boolean, boolean][] = [
  ["Equals", (actual, wanted) => actual === wanted, false],
  ["NotEquals", (actual, wanted) => actual === wanted, true],
  ["LessThan", (actual, wanted) => actual < wanted, false],
  ["LessThanEquals", (actual, wanted) => actual <= wanted, false],
  ["GreaterThan", (actual, wanted) => actual > wanted, false],
  ["GreaterThanEquals", (actual, wanted) => actual >= wanted, false],
];
for (const [name, holds, isNegated] of orders) {
  operators.set(`Numeric${name}`, operator(compared(readNumber, holds), { negated: isNegated }));
  operators.set(`Date${name}`, operator(compared(readDate, holds), { negated: isNegated }));
}

/** The operator of that exact base name (without `ForAnyValue:`, `ForAllValues:` and `IfExists`), or undefined. `Null` is apart. */
export function conditionOperator(name: string): ConditionOperator | undefined {
  return operators.get(name);
}

/** All base names, for tests and guardrails. */
export const conditionOperatorNames: readonly string[] = [...operators.keys(), "Null"];
