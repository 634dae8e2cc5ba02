/** The result of a reconcile, for each manifest and in total, with a limit on its size. Pure. */
import { ProblemError } from "../problem.ts";
import type { Item, Outcome, Step } from "./reconcile-items.ts";

/** An operation's record is read whole and often; the counts are always complete. */
const MOST_ITEMS = 1_000;
const LONGEST_REASON = 500;

/** Failures come first if there are too many items. */
const ORDER: readonly Outcome[] = ["refused", "pruned", "kept", "changed", "added", "unchanged"];

/** The same manifest or integration, in whatever run. */
export const idOf = ({ kind, tenant, name }: Item): string => `${kind} ${tenant ?? ""}/${name}`;

/** A step without what it took to apply it. */
export function itemOf({ manifest: _manifest, ifMatch: _ifMatch, ...item }: Step): Item {
  const { reason } = item;
  return reason !== undefined && reason.length > LONGEST_REASON ? { ...item, reason: `${reason.slice(0, LONGEST_REASON)}…` } : item;
}

/** How many items came out how. */
export function summaryOf(steps: readonly Item[]): Record<Outcome, number> {
  const summary: Record<Outcome, number> = { added: 0, changed: 0, unchanged: 0, pruned: 0, kept: 0, refused: 0 };
  for (const { outcome } of steps) summary[outcome] += 1;
  return summary;
}

interface Conclusion {
  source: string;
  revision: string;
  dryRun: boolean;
  steps: Step[];
}

/** The operation's result: at most 1,000 items, failures first when there are more, in their own order; `unlisted` counts the rest. */
export function resultOf({ source, revision, dryRun, steps }: Conclusion): Record<string, unknown> {
  const weight = (step: Step) => (isFailed(step) ? -1 : ORDER.indexOf(step.outcome));
  const listed = steps.length <= MOST_ITEMS ? steps : steps.toSorted((a, b) => weight(a) - weight(b)).slice(0, MOST_ITEMS);
  const unlisted = steps.length - listed.length;
  return { source, revision, dryRun, summary: summaryOf(steps), items: listed.map(itemOf), ...(unlisted > 0 && { unlisted }) };
}

const isFailed = ({ state }: Step): boolean => state === "failed" || state === "cancelled";

/** The problem of a reconcile of which a part wasn't done; undefined when all was. */
export function incompleteness(steps: readonly Step[]): ProblemError | undefined {
  const refused = steps.filter((step) => step.outcome === "refused").length;
  const failed = steps.filter(isFailed).length;
  const parts = [
    ...(refused > 0 ? [`${count(refused, "manifest")} refused`] : []),
    ...(failed > 0 ? [`${count(failed, "operation")} not successful`] : []),
  ];
  if (parts.length === 0) return undefined;
  return new ProblemError(
    "reconcile_incomplete",
    `Of ${steps.length} in all, ${parts.join(" and ")}. The result names each; everything else was applied.`,
  );
}

/** Nothing was changed, because of what was refused. */
export function refusedAsWhole(steps: readonly Step[]): ProblemError {
  const refused = steps.filter((step) => step.outcome === "refused").length;
  return new ProblemError("reconcile_refused", `${count(refused, "manifest")} refused, so nothing was changed. The result names each.`);
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? " was" : "s were"}`;
