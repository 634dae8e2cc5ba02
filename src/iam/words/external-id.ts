/**
 * External ids: what a vendor sends with AssumeRole so that it can't be led into another customer's account (IAM user
 * guide, "Access to AWS accounts owned by third parties"). Sensitive, not secret: shown only as a fingerprint.
 */
import { hash, randomBytes } from "node:crypto";
import * as z from "zod";

/** The sample that a public vendor guide prints, kept as a digest. All customers who paste it have the same id. */
const printedSamples = new Set(["2458056b45624b91111495bb159f81e1509fe8573ed51c304939ec6e0538d1b7"]);
const placeholders = ["<", ">", "{", "}", "your_", "your-", "your session name", "your external", "placeholder", "replace_me", "changeme"];
const weak = new Set([
  "externalid",
  "external-id",
  "external_id",
  "test",
  "testing",
  "demo",
  "example",
  "sample",
  "password",
  "secret",
  "none",
  "null",
  "undefined",
  "default",
  "string",
]);

/**
 * Why an external id is refused, in words for people that don't repeat it, or undefined when it may be used. `samples` are
 * values that the vendor's guide prints.
 */
export function refuseExternalId(text: string, samples: readonly string[] = []): string | undefined {
  const lower = text.toLowerCase();
  if (samples.includes(text) || printedSamples.has(digest(text))) return "This external id is printed in a public guide. Put in your own.";
  if (placeholders.some((placeholder) => lower.includes(placeholder))) {
    return "This external id is a guide's placeholder. Put in the id that the vendor shows.";
  }
  if (!/^[A-Za-z0-9_+=,.@:/-]{2,1224}$/.test(text))
    return "An external id has 2 to 1224 letters, digits or _+=,.@:/- (AWS's rule for sts:ExternalId).";
  if (isGuessable(lower)) return "This external id is easy to guess. Use the vendor's own, or leave it out where Drawbridge makes one.";
  return;
}

function isGuessable(lower: string): boolean {
  return weak.has(lower) || new Set(lower).size < 4 || "01234567890123456789".includes(lower) || "98765432109876543210".includes(lower);
}

/**
 * An external id fit for a trust policy: STS's own alphabet and length (STS API reference, AssumeRole, ExternalId), not a
 * guide's placeholder or printed sample, not one of the ids that people type when they want none.
 */
export const ExternalId = z.string().superRefine((text, context) => {
  const fault = refuseExternalId(text);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});
export type ExternalId = z.infer<typeof ExternalId> & z.$brand<"ExternalId">;

/** The external id in `text`, or undefined when refuseExternalId finds one. */
export function parseExternalId(text: string): ExternalId | undefined {
  return ExternalId.safeParse(text).data as ExternalId | undefined;
}

/** A fresh external id with 192 random bits, in letters, digits, `-` and `_`. */
export function generateExternalId(): ExternalId {
  return `db-${randomBytes(24).toString("base64url")}` as ExternalId;
}

function digest(text: string): string {
  return hash("sha256", text);
}

/** What stands for an external id wherever people or logs may see it: `sha256:` and twelve hex digits. */
export function externalIdFingerprint(id: string): string {
  return `sha256:${digest(id).slice(0, 12)}`;
}

/** SHA-256 (hex) of an id, lower-cased: AWS compares exactly, but two ids that differ in case alone are one to us. */
export const externalIdHash = (id: string): string => hash("sha256", id.toLowerCase());
