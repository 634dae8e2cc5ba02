/** Where an integration stands with its vendor. Pure. */
import type { ExternalIdRule } from "../blueprints/blueprint.ts";
import type { Proof } from "../iam/contract.ts";
import type { Handshake, IntegrationRecord } from "../store/records.ts";

interface Standing {
  rule: ExternalIdRule;
  record: Pick<IntegrationRecord, "externalIds" | "handshake"> | undefined;
  proof: Proof | undefined;
  /** RFC 3339 */
  now: string;
}

/**
 * The handshake after a run: an id still missing is awaited from whoever issues it, since the moment it was first missed; a
 * green proof over an open trust is `trusted`; two ids at once are `rotating`.
 */
export function handshakeOf({ rule, record, proof, now }: Standing): Handshake {
  const ids = record?.externalIds ?? [];
  if (ids.length === 0 && rule.issuer !== "none") {
    const since = record?.handshake.awaiting.find((one) => one.what === "externalId")?.since ?? now;
    return {
      state: "awaiting-external-id",
      awaiting: [{ what: "externalId", from: rule.issuer === "vendor" ? "vendor" : "customer", since }],
    };
  }
  if (ids.some((entry) => entry.until !== undefined && entry.until > now)) return { state: "rotating", awaiting: [] };
  return { state: proof?.verdict === "green" && proof.trust === "open" ? "trusted" : "role-ready", awaiting: [] };
}
