/** What the stand-in answers as a resource's stored properties. */
import { equivalent, normalise } from "./policy.ts";
import type { ResourceType } from "./resource-type.ts";
import { hasUnknown, type Properties, unknownValue, type Value } from "./values.ts";

/** The planned properties of a preview: inputs in their stored form, what AWS computes unknown, and no id. */
export function planned(type: ResourceType, inputs: Properties, stored: Properties = {}): Properties {
  const computed = type.outputs.map((key): [string, Value] => [key, stored[key] ?? unknownValue]);
  return { ...Object.fromEntries(computed), ...inStoredForm(type, inputs) };
}

/** Stored properties after a write or a read: live ones win, but an equivalent policy keeps the old text. */
export function merged(type: ResourceType, id: string, before: Properties, live: Properties): Properties {
  const kept = inStoredForm(type, before);
  const after: Properties = { ...kept, ...inStoredForm(type, live), id };
  for (const [key, rule] of Object.entries(type.inputs)) {
    const [old, now] = [kept[key], after[key]];
    if (rule.policy && typeof old === "string" && typeof now === "string" && equivalent(old, now)) after[key] = old;
  }
  return after;
}

/** Properties without `__defaults`, with policies compact and sorted. */
export function inStoredForm(type: ResourceType, properties: Properties): Properties {
  const { __defaults: _defaults, ...rest } = properties;
  for (const [key, rule] of Object.entries(type.inputs)) {
    const value = rest[key];
    if (!rule.policy || typeof value !== "string" || value === "" || hasUnknown(value)) continue;
    rest[key] = normaliseOrKeep(value, rule.policy === "version-first");
  }
  return rest;
}

function normaliseOrKeep(policy: string, versionFirst: boolean): string {
  try {
    return normalise(policy, versionFirst);
  } catch {
    return policy; // somebody else may have stored anything there
  }
}

/**
 * The inputs that a Read answers: the stored ones with live values, so that a refresh shows drift; on an import the
 * live values of every input that isn't a zero.
 */
export function inputsFrom(type: ResourceType, olds: Properties, live: Properties): Properties {
  if (Object.keys(olds).length === 0) {
    const keys = [...Object.keys(type.inputs), ...(type.tagged ? ["tags", "tagsAll"] : []), ...(type.regional ? ["region"] : [])];
    const known = keys.flatMap((key): [string, Value][] =>
      live[key] === undefined || live[key] === "" ? [] : [[key, live[key] as Value]],
    );
    return { ...Object.fromEntries(known), __defaults: [] };
  }
  const inputs: Properties = { ...olds };
  for (const key of Object.keys(olds)) {
    const [before, now] = [olds[key], live[key]];
    if (now === undefined || key === "__defaults") continue;
    const isSamePolicy = type.inputs[key]?.policy && typeof before === "string" && typeof now === "string" && equivalent(before, now);
    if (!isSamePolicy && !type.inputs[key]?.same?.(now, before)) inputs[key] = now;
  }
  return inputs;
}
