/** Check: inputs in, the full inputs with defaults out (pulumi-terraform-bridge pkg/tfbridge/schema.go, names.go; pulumi-aws provider/region.go, tags.go). */
import { createHash } from "node:crypto";
import type { Aws } from "./aws.ts";
import { normalise } from "./policy.ts";
import type { InputRule, ResourceType } from "./resource-type.ts";
import { hasUnknown, type Properties, textMap, texts, unknownValue, type Value } from "./values.ts";

export interface Refusal {
  property: string;
  reason: string;
}

export interface Checked {
  inputs: Properties;
  refusals: Refusal[];
}

/** What Check is given beside the inputs. */
export interface CheckContext {
  aws: Pick<Aws, "region" | "defaultTags">;
  /** the resource's logical name */
  name: string;
  /** the stored inputs, with `__defaults` */
  olds: Properties;
  randomSeed: Uint8Array;
}

/**
 * The inputs with region, tagsAll, policies as text, automatic names and defaults filled in; `__defaults` lists what was
 * filled in, sorted. An input that the type's table doesn't name is refused, where the real plugin may know it.
 */
export function check(type: ResourceType, given: Properties, context: CheckContext): Checked {
  const { __defaults: _before, ...news } = given;
  const inputs: Properties = { ...news };
  const refusals = unknownInputs(type, inputs);
  const defaulted: string[] = [];
  for (const [key, rule] of Object.entries(type.inputs)) {
    const filled = inputs[key] === undefined ? fill(key, rule, context) : undefined;
    if (filled !== undefined) {
      inputs[key] = filled;
      defaulted.push(key);
    }
    const value = inputs[key];
    if (rule.required && value === undefined) refusals.push({ property: key, reason: `Missing required property '${key}'` });
    if (rule.policy && value !== undefined && !hasUnknown(value)) refusals.push(...checkPolicy(inputs, key, value));
    if (rule.autoName && typeof value === "string" && value !== unknownValue && value.length > rule.autoName.max) {
      refusals.push({ property: key, reason: `expected length of ${key} to be in the range (1 - ${rule.autoName.max}), got ${value}` });
    }
  }
  if (type.regional && inputs["region"] === undefined) inputs["region"] = context.aws.region;
  if (type.tagged) inputs["tagsAll"] = tagsAll(inputs, context.aws.defaultTags);
  if (refusals.length === 0) refusals.push(...(type.refuse?.(inputs) ?? []));
  return { inputs: { ...inputs, __defaults: defaulted.sort() }, refusals };
}

function unknownInputs(type: ResourceType, inputs: Properties): Refusal[] {
  const known = new Set([...Object.keys(type.inputs), ...(type.tagged ? ["tags", "tagsAll"] : []), ...(type.regional ? ["region"] : [])]);
  const unknown = Object.keys(inputs).filter((key) => !known.has(key));
  return unknown.map((property) => ({
    property,
    reason: `the sandbox's stand-in for the AWS plugin doesn't know the input '${property}' of ${type.token}`,
  }));
}

function fill(key: string, rule: InputRule, { olds, name, randomSeed }: CheckContext): Value | undefined {
  if (rule.default !== undefined) return rule.default;
  if (!rule.autoName) return undefined;
  const before = olds[key];
  if (before !== undefined && texts(olds, "__defaults").includes(key)) return before;
  const suffix = createHash("sha256").update(randomSeed).update(name).digest("hex").slice(0, 7);
  return `${rule.autoName.prefix ?? ""}${name}-${suffix}`;
}

/** A policy given as an object becomes text; text must be a JSON object. */
function checkPolicy(inputs: Properties, key: string, value: Value): Refusal[] {
  const asText = typeof value === "string" ? value : JSON.stringify(value);
  inputs[key] = asText;
  if (asText === "") return [];
  try {
    normalise(asText);
    return [];
  } catch {
    return [{ property: key, reason: `"${key}" contains an invalid JSON policy` }];
  }
}

function tagsAll(inputs: Properties, defaultTags: Record<string, string>): Value {
  return hasUnknown(inputs["tags"]) ? unknownValue : { ...defaultTags, ...textMap(inputs, "tags") };
}
