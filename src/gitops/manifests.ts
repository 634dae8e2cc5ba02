/** Manifests: the desired state in a repository. One document is one tenant or one integration; its `spec` is the body of its PUT. Pure. */
import type { z } from "zod";
import { type Manifest, manifestEnvelope } from "../model/manifest.ts";
import { inBrief, readYaml, type YamlDocument } from "./strict-yaml.ts";
import { yamlLimits } from "./yaml-limits.ts";

/** A file of this name holds manifests. */
export const isManifest = /\.(ya?ml|json)$/i;
/** Bytes */
export const largestFile = yamlLimits.bytes;

export interface Position {
  file: string;
  /** from 1 */
  line: number;
  column: number;
}

export interface ManifestFault extends Position {
  detail: string;
}

/** What is wrong with a whole file. */
export const faultAt = (file: string, detail: string): ManifestFault => ({ file, line: 1, column: 1, detail });

/** A link that stands where a file could be is a fault, in the command and in a source. */
export const linkFaults = {
  file: "it is a symbolic link, which isn't followed. Put the file itself here.",
  folder: "it is a symbolic link that may lead to a folder. Put the folder itself here, or take the link out.",
};

export const submoduleFault = "it is a submodule, which isn't fetched. Put its manifests here, or take it out of the folder.";
export const notUtf8Fault = "The file isn't UTF-8. Store it as UTF-8.";

export interface LocatedManifest {
  manifest: Manifest;
  /** Where its document begins, or where inside it an RFC 6901 pointer leads. */
  positionOf(pointer?: string): Position;
}

/**
 * Every manifest of a file (YAML with one or more documents, or JSON), and every fault with its place. A file with a fault in its
 * grammar gives no manifest, because nobody can say what it meant; a faulty document doesn't stop the others.
 */
export function readManifests(file: string, text: string): { manifests: LocatedManifest[]; faults: ManifestFault[] } {
  const { documents, faults } = readYaml(text);
  const read = documents.map((document) => readOne(file, document));
  return {
    manifests: read.flatMap((one) => ("manifest" in one ? [one] : [])),
    faults: firstOf([...faults.map((fault) => ({ file, ...fault })), ...read.flatMap((one) => ("faults" in one ? one.faults : []))]),
  };
}

/** The first faults of a file are enough: each fault becomes a row of the result. */
function firstOf(faults: ManifestFault[]): ManifestFault[] {
  const more = faults.slice(yamlLimits.faults);
  if (!more[0]) return faults;
  return [...faults.slice(0, yamlLimits.faults), { ...more[0], detail: "There are more faults from here on. Mend the ones above first." }];
}

function readOne(file: string, document: YamlDocument): LocatedManifest | { faults: ManifestFault[] } {
  const placeOf = (path: readonly PropertyKey[]) => ({
    file,
    ...document.positionOf(path.map((part) => (typeof part === "number" ? part : String(part)))),
  });
  const { value } = document;
  const unstorable = pathOfUnstorable(value);
  if (unstorable) return { faults: [{ ...placeOf(unstorable), detail: "This text holds a NUL or half of a surrogate pair." }] };
  const parsed = manifestEnvelope.safeParse(value);
  if (parsed.success) {
    return {
      manifest: parsed.data,
      positionOf: (pointer = "") => placeOf(pathOf(pointer)),
    };
  }
  // To find a place takes as long as the map is, so that only what is told is looked for.
  const issues = parsed.error.issues.slice(0, yamlLimits.faults + 1);
  return { faults: issues.flatMap((issue) => issueFaults(issue, placeOf)) };
}

function issueFaults(issue: z.core.$ZodIssue, placeOf: (path: readonly PropertyKey[]) => Position): ManifestFault[] {
  const where = (path: readonly PropertyKey[]) => (path.length === 0 ? "The manifest" : path.map(String).join("."));
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, yamlLimits.faults + 1).map((key) => ({
      ...placeOf([...issue.path, key]),
      detail: inBrief(`${[...issue.path, key].map(String).join(".")}: There is no such field.`),
    }));
  }
  return [{ ...placeOf(issue.path), detail: inBrief(`${where(issue.path)}: ${issue.message}.`) }];
}

/** RFC 6901 to a path; a number stays text where the pointer can't tell, and YAML finds it either way. */
function pathOf(pointer: string): (string | number)[] {
  const parts = pointer.split("/").slice(1);
  return parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part.replaceAll("~1", "/").replaceAll("~0", "~")));
}

/** PostgreSQL's jsonb can't hold a NUL or half of a surrogate pair. */
function pathOfUnstorable(value: unknown, path: (string | number)[] = []): (string | number)[] | undefined {
  if (typeof value === "string") return value.includes("\u0000") || !value.isWellFormed() ? path : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = pathOfUnstorable(key, path) ?? pathOfUnstorable(inner, [...path, Array.isArray(value) ? Number(key) : key]);
    if (found) return found;
  }
  return undefined;
}
