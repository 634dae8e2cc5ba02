/** Integrations that a source owns and no longer names: they are destroyed if pruning is on and safe. Pure. */
import { integrationEtag } from "../model/etag.ts";
import { type Facts, pauseOf } from "./reconcile-facts.ts";
import type { PlanRequest, Step } from "./reconcile-items.ts";

/** One step for each integration that the source owns and `seen` doesn't name: pruned, or kept and why. */
export function prunes(request: PlanRequest, facts: Facts, seen: ReadonlyMap<string, number>): Step[] {
  const gone = facts.members.filter(
    (member) =>
      member.source === request.source &&
      member.kind === "Integration" &&
      !seen.has(`Integration ${member.tenant}/${member.name}`) &&
      facts.integrations.has(`${member.tenant}/${member.name}`),
  );
  const unreadable = request.given.some((one) => "fault" in one);
  return gone.map(({ tenant, name }) => {
    const record = facts.integrations.get(`${tenant}/${name}`);
    const why = keptBecause(request, facts, { tenant, unreadable, paused: record?.settings["paused"] === true });
    const step = { kind: "Integration" as const, tenant, name };
    return why
      ? { ...step, outcome: "kept", reason: why }
      : { ...step, outcome: "pruned", ...(record && { ifMatch: integrationEtag(record) }) };
  });
}

function keptBecause(
  request: PlanRequest,
  facts: Facts,
  { tenant, unreadable, paused }: { tenant: string; unreadable: boolean; paused: boolean },
): string | undefined {
  if (!request.prune) return "The source no longer names it, and prune is off.";
  if (unreadable) return "Nothing is pruned while a document of the source can't be read.";
  if (request.tenants !== "*" && !request.tenants.includes(tenant)) return "Its tenant isn't the caller's.";
  if (!request.mayDestroy) return "The caller lacks the scope destroy.";
  if (paused || pauseOf(facts, tenant) !== undefined) return "It is paused.";
  return undefined;
}
