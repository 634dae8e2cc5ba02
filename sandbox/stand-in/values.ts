import struct from "google-protobuf/google/protobuf/struct_pb.js";

/** A property value as the plugin protocol carries it (protobuf Struct), without secrets: the stand-in declines those. */
export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };
export type Properties = Record<string, Value>;

/** What stands for a value that isn't known before the update (pulumi/pulumi sdk/go/common/resource/plugin/rpc.go). */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const secretSignature = "4dabf18193072939515e22adb298388d";
const secretMark = "1b47061264138c4ac30d75fd1eb44270";

/** Reads a Struct; an absent one is empty. Nulls are dropped, as the bridge drops them. */
export function read(from: struct.Struct | undefined): Properties {
  const all = (from?.toJavaScript() ?? {}) as Properties;
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}

export function write(properties: Properties): struct.Struct {
  return struct.Struct.fromJavaScript(properties);
}

/** Marks a string so that the engine encrypts it in state. */
export function secret(value: string): Value {
  return { [secretSignature]: secretMark, value };
}

export function hasUnknown(value: Value | undefined): boolean {
  if (value === unknownValue) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(hasUnknown);
}

/** Deep equality; the order of keys doesn't count, that of lists does. */
export function equal(a: Value | undefined, b: Value | undefined): boolean {
  return sorted(a) === sorted(b);
}

/** JSON with sorted keys: the form in which the real plugin stores policies. */
export function sorted(value: Value | undefined): string {
  return JSON.stringify(value ?? null, (_key, inner: Value) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** A string property; "" where there is none. */
export function text(properties: Properties, key: string): string {
  const value = properties[key];
  return typeof value === "string" ? value : "";
}

/** A list-of-strings property; empty where there is none. */
export function texts(properties: Properties, key: string): string[] {
  const value = properties[key];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** A map-of-strings property; empty where there is none. */
export function textMap(properties: Properties, key: string): Record<string, string> {
  const value = properties[key];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, String(inner)]));
}
