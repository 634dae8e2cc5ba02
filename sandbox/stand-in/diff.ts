/** Diff: what of the inputs differs from what is stored, and whether that replaces the resource (pulumi-terraform-bridge pkg/tfbridge/provider.go). */
import { equivalent } from "./policy.ts";
import type { InputRule, ResourceType } from "./resource-type.ts";
import { equal, hasUnknown, type Properties, sorted, texts, type Value } from "./values.ts";

export interface Difference {
  /** inputs that differ, sorted */
  changed: string[];
  /** those of them that replace the resource */
  replaces: string[];
  deleteBeforeReplace: boolean;
  /** property paths, e.g. `tags.Team` */
  detailed: { path: string; kind: "add" | "delete" | "update"; replaces: boolean }[];
}

/** Compares stored outputs with new inputs. `ignored` are the program's ignoreChanges. */
export function diff(type: ResourceType, stored: Properties, inputs: Properties, ignored: readonly string[] = []): Difference {
  const rules: Record<string, InputRule> = {
    ...type.inputs,
    ...(type.tagged ? { tags: {}, tagsAll: {} } : {}),
    ...(type.regional ? { region: { computed: true, replaces: true } } : {}),
  };
  const changed = Object.keys(rules).filter((key) => !ignored.includes(key) && differs(rules[key] ?? {}, stored[key], inputs[key]));
  const replaces = changed.filter((key) => rules[key]?.replaces);
  const explicitName = Object.keys(rules).some((key) => rules[key]?.autoName && !texts(inputs, "__defaults").includes(key));
  return {
    changed: changed.sort(),
    replaces,
    deleteBeforeReplace: replaces.length > 0 && (type.deleteBeforeReplace === true || explicitName),
    detailed: changed.flatMap((key) => details(key, stored[key], inputs[key], replaces.includes(key))),
  };
}

function differs(rule: InputRule, stored: Value | undefined, wanted: Value | undefined): boolean {
  if (wanted === undefined) return !rule.computed && !isEmpty(stored);
  if (hasUnknown(wanted)) return true;
  if (rule.same?.(stored, wanted)) return false;
  if (rule.policy) return !equivalent(String(stored ?? ""), String(wanted));
  if (rule.set) return sorted(inOrder(stored)) !== sorted(inOrder(wanted));
  return !(isEmpty(stored) && isEmpty(wanted)) && !equal(stored, wanted);
}

const inOrder = (value: Value | undefined): Value => (Array.isArray(value) ? [...value].sort() : []);

/** Terraform's zero values count as absent. */
function isEmpty(value: Value | undefined): boolean {
  if (value === undefined || value === null || value === "" || value === false || value === 0) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function details(key: string, stored: Value | undefined, wanted: Value | undefined, replaces: boolean): Difference["detailed"] {
  if (isMap(stored) && isMap(wanted)) {
    const names = [...new Set([...Object.keys(stored), ...Object.keys(wanted)])].filter((name) => !equal(stored[name], wanted[name]));
    return names.map((name) => ({ path: `${key}.${name}`, kind: kindOf(stored[name], wanted[name]), replaces }));
  }
  return [{ path: key, kind: kindOf(stored, wanted), replaces }];
}

const isMap = (value: Value | undefined): value is Properties => typeof value === "object" && value !== null && !Array.isArray(value);

function kindOf(stored: Value | undefined, wanted: Value | undefined): "add" | "delete" | "update" {
  if (stored === undefined) return "add";
  return wanted === undefined ? "delete" : "update";
}
