import type { Aws } from "./aws.ts";
import { type Properties, textMap, type Value } from "./values.ts";

/** What the plugin knows about one input of a type. */
export interface InputRule {
  required?: true;
  /** put in by Check */
  default?: Value;
  /** AWS fills it in when it is left out: leaving it out is then no difference */
  computed?: true;
  /** changing it replaces the resource */
  replaces?: true;
  /** a JSON policy; `version-first` is iam.RolePolicy's stored form. An object is accepted where `object` says so. */
  policy?: "sorted" | "version-first";
  /** an unordered list */
  set?: true;
  /** named after the resource, with 7 hex digits, when left out; the limit is the name's length */
  autoName?: { max: number; prefix?: string };
  /** a difference that AWS doesn't see, such as an ARN for a bare id */
  same?: (stored: Value | undefined, wanted: Value | undefined) => boolean;
}

/** One type of resource: its table (what the real plugin does with it) and its AWS calls. */
export interface ResourceType {
  token: string;
  /** where the table comes from */
  source: string;
  inputs: Record<string, InputRule>;
  /** what AWS computes */
  outputs: readonly string[];
  /** `tags` and, from them and the provider's default tags, `tagsAll` */
  tagged?: true;
  /** has an input `region`, filled in from the provider */
  regional?: true;
  /** on replacement the old one always goes first */
  deleteBeforeReplace?: true;
  /** Further rules of Check: reasons by input. */
  refuse?(inputs: Properties): { property: string; reason: string }[];
  /** Calls `saved(id)` as soon as the resource is there: a failure after that keeps it in state. Answers what only a create knows. */
  create(aws: Aws, inputs: Properties, saved: (id: string) => void): Promise<Properties | undefined>;
  /** The live properties, or undefined when it is gone. `stored` is empty on import; `isNew` just after a create. */
  read(aws: Aws, id: string, stored: Properties, isNew: boolean): Promise<Properties | undefined>;
  update(aws: Aws, id: string, change: Change): Promise<void>;
  /** "Not found" is success. */
  delete(aws: Aws, id: string, stored: Properties): Promise<void>;
}

export interface Change {
  inputs: Properties;
  stored: Properties;
  /** Whether an input differs from what is stored. Every input counts as different when a failed create or update is repeated. */
  differs(key: string): boolean;
}

/** Tags to take away and to put, between two maps. */
export function tagChanges(before: Record<string, string>, after: Record<string, string>) {
  const removed = Object.keys(before).filter((key) => !(key in after));
  const put = Object.entries(after).filter(([key, value]) => before[key] !== value);
  return { removed, put: put.map(([Key, Value]) => ({ Key, Value })) };
}

/** `[{Key, Value}]` as AWS answers it, as a map without AWS's own tags. */
export function tagMap(tags: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined): Record<string, string> {
  const own = (tags ?? []).filter((tag) => tag.Key !== undefined && !tag.Key.startsWith("aws:"));
  return Object.fromEntries(own.map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
}

/** `tags` is what the program said: the live tags without those that only the provider's default tags put there. */
export function programTags(
  defaultTags: Record<string, string>,
  stored: Properties,
  tagsAll: Record<string, string>,
): Record<string, string> {
  const before = textMap(stored, "tags");
  return Object.fromEntries(Object.entries(tagsAll).filter(([key, value]) => key in before || defaultTags[key] !== value));
}

/** A map as AWS takes it. */
export function tagList(tags: Record<string, string>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** Drops what is undefined, so that it isn't stored. */
export function defined(properties: Record<string, Value | undefined>): Properties {
  return Object.fromEntries(Object.entries(properties).filter((entry): entry is [string, Value] => entry[1] !== undefined));
}
