/** Which external ids an integration trusts, and how a request may change them. PUT and rotate share these rules. Pure. */
import type { ExternalIdRule } from "../blueprints/parts/blueprint.ts";
import { externalIdHash, generateExternalId, refuseExternalId } from "../iam/words/external-id.ts";
import type { ExternalIdEntry, IntegrationRecord } from "../model/integration.ts";
import { ProblemError } from "../problem.ts";

export interface ExternalIdState {
  externalIds: ExternalIdEntry[];
  supersededIds: string[];
}

interface Change {
  rule: ExternalIdRule;
  /** The id in the request; undefined keeps the current id. */
  given: string | undefined;
  before: Pick<IntegrationRecord, "externalIds" | "supersededIds"> | undefined;
  /** RFC 3339 */
  now: string;
  pointer: string;
  /** Minutes for which the old id still works. Default: 0. */
  overlapMinutes?: number;
}

/**
 * The ids after a request. Without an id in the request, nothing changes. The first id is accepted, or made if we issue it. Another id is a
 * rotation: the old id stops when the overlap ends, and can never be used again.
 *
 * @throws ProblemError invalid_parameters for a malformed, weak or sample id; external_id_superseded for a replaced one
 */
export function nextExternalIds({ rule, given, before, now, pointer, overlapMinutes = 0 }: Change): ExternalIdState {
  const state: ExternalIdState = { externalIds: before?.externalIds ?? [], supersededIds: before?.supersededIds ?? [] };
  if (given === undefined) {
    if (state.externalIds.length > 0 || rule.issuer !== "drawbridge") return state;
    return { ...state, externalIds: [{ id: generateExternalId(), since: now }] };
  }
  if (rule.issuer === "none") {
    throw new ProblemError("invalid_parameters", "This blueprint takes no external id: only services of the account assume its roles.", {
      pointer,
    });
  }
  const current = state.externalIds.find((entry) => entry.until === undefined);
  if (current?.id === given) return state;
  const refusal = refuseExternalId(given, rule.samples);
  if (refusal) throw new ProblemError("invalid_parameters", refusal, { pointer });
  if (state.supersededIds.includes(externalIdHash(given))) {
    throw new ProblemError(
      "external_id_superseded",
      "This external id was replaced by a newer one. Send the newest, or leave externalId out to keep it.",
      { pointer },
    );
  }
  const until = new Date(Date.parse(now) + overlapMinutes * 60_000).toISOString();
  const overlapping = current && overlapMinutes > 0 ? [{ ...current, until }] : [];
  const replaced = state.externalIds.map((entry) => externalIdHash(entry.id));
  return {
    externalIds: [...overlapping, { id: given, since: now }],
    supersededIds: [...new Set([...state.supersededIds, ...replaced])],
  };
}

/** The ids that must work at a moment. An entry past its `until` doesn't count. */
export function workingIds(entries: readonly ExternalIdEntry[], now: string): string[] {
  return entries.filter((entry) => entry.until === undefined || entry.until > now).map((entry) => entry.id);
}
