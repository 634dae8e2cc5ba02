import { hash } from "node:crypto";

const prefix = "Drawbridge";

/** What all Sids of one owner begin with: `Drawbridge` and ten hex digits of (tenant, integration). Two owners may share a bucket. */
export function sidPrefix(tenant: string, integration: string): string {
  return `${prefix}${hash("sha256", JSON.stringify([tenant, integration])).slice(0, 10)}`;
}

/**
 * The Sid of one of our statements: the owner's prefix and a purpose. Sids take only letters and digits (IAM user guide,
 * "Sid"), so other characters of the purpose are dropped and the letter after them is put in upper case.
 */
export function ourSid(tenant: string, integration: string, purpose: string): string {
  const words = purpose.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return `${sidPrefix(tenant, integration)}${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("")}`;
}

/** Whether a Sid marks a statement that Drawbridge wrote, for whichever owner. */
export function isOurSid(sid: string | undefined): boolean {
  return sid?.startsWith(prefix) ?? false;
}
