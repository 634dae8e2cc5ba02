/** The state of an integration between the customer and the vendor. Pure. */
import type { Blueprint } from "../blueprints/parts/blueprint.ts";
import type { Proof } from "../iam/contract/contract.ts";
import type { Awaited, Handshake, IntegrationRecord } from "../model/integration.ts";

interface Standing {
  blueprint: Pick<Blueprint, "externalId" | "vendorPolicy">;
  record: Pick<IntegrationRecord, "externalIds" | "handshake" | "parameters" | "vendorPolicy">;
  proof: Proof | undefined;
  /** The state after a green proof over an open trust. */
  standing?: "trusted" | "verified";
  revoked?: boolean;
  /** RFC 3339 */
  now: string;
}

/**
 * The handshake after a run. It awaits each missing value from the side that issues it, since the moment when the value was first missing.
 * Two ids at once mean `rotating` until the old one ends. A green proof over an open trust means `trusted`, or `verified` if the account
 * was read anew.
 */
export function handshakeOf(standing: Standing): Handshake {
  const { blueprint, record, proof, now } = standing;
  if (standing.revoked) return { state: "revoked", awaiting: [] };
  const awaiting = awaited(standing);
  if (awaiting.some(({ what }) => what === "externalId")) return { state: "awaiting-external-id", awaiting };
  if (awaiting.length > 0) return { state: "awaiting-vendor-policy", awaiting };
  const old = record.externalIds.find((entry) => entry.until !== undefined && entry.until > now);
  if (old?.until !== undefined) {
    return { state: "rotating", awaiting: [{ what: "the end of the old external id", from: "drawbridge", since: now, until: old.until }] };
  }
  const trusted = proof?.verdict === "green" && (proof.trust === "open" || blueprint.externalId.issuer === "none");
  return { state: trusted ? (standing.standing ?? "trusted") : "role-ready", awaiting: [] };
}

function awaited({ blueprint, record, now }: Standing): Awaited[] {
  const since = (what: string) => record.handshake.awaiting.find((one) => one.what === what)?.since ?? now;
  const { issuer } = blueprint.externalId;
  const missing: Awaited[] = [];
  if (issuer !== "none" && record.externalIds.length === 0) {
    missing.push({ what: "externalId", from: issuer === "vendor" ? "vendor" : "customer", since: since("externalId") });
  }
  if (!record.vendorPolicy && blueprint.vendorPolicy?.awaited(record.parameters)) {
    missing.push({ what: "vendorPolicy", from: "vendor", since: since("vendorPolicy") });
  }
  return missing;
}
