/** `reconcile`: make integrations equal to a source's manifests. Each change is an ordinary operation; this one starts and watches them. */
import { hash } from "node:crypto";
import type { Context } from "../integrations/context.ts";
import { deleteIntegration } from "../integrations/delete.ts";
import { type PutRequest, putIntegration } from "../integrations/put.ts";
import type { VisibleTenants, Writer } from "../model/caller.ts";
import type { Manifest } from "../model/manifest.ts";
import { hasSettled } from "../model/operation.ts";
import { actingAs, type SourceRecord } from "../model/source.ts";
import { followChildren, noteChild } from "../operations/children.ts";
import { withLeases } from "../operations/lease.ts";
import type { Run } from "../operations/run.ts";
import { ProblemError, problemOf } from "../problem.ts";
import { eventsAfter } from "../store/events.ts";
import { childrenOf } from "../store/operations.ts";
import type { ChildState } from "../store/reconcile-reads.ts";
import { claimMembers, findSource, noteFetch, releaseMember } from "../store/sources.ts";
import { putTenant, type TenantSpec } from "../tenants/tenants.ts";
import type { Position } from "./manifests.ts";
import { readFiles } from "./read-files.ts";
import type { Given, Item, Outcome, Step } from "./reconcile-items.ts";
import { planReconcile } from "./reconcile-plan.ts";
import { idOf, incompleteness, itemOf, refusedAsWhole, resultOf, summaryOf } from "./reconcile-result.ts";
import { acceptedRights, currentRights, withoutRights, writerOf } from "./reconcile-rights.ts";
import { fetchRepository } from "./repository.ts";

/** What a reconcile operation carries. */
export interface ReconcileRequest {
  source: string;
  /** Absent: the service fetches the branch's head itself. */
  manifests?: Manifest[];
  revision?: string;
  prune: boolean;
  maxDeletes: number;
  dryRun: boolean;
  atomic: boolean;
  tenants: VisibleTenants;
  mayDestroy: boolean;
  /** Whether the caller holds the scope `admin`; for a source, whether the caller who registered it held it. Unknown for older requests */
  administers?: boolean;
  /** Of a pulled source: as what it was when this was accepted */
  actingAs?: string;
  /** The authors of the manifests, as far as they are known; the caller by default */
  writers?: (Writer | string)[];
}

const SOURCE_WAIT = 120;

/** Runs a reconcile: fetch, plan, apply, watch. Run again after a restart it takes up the operations that it had started. */
export async function reconcile(context: Context, run: Run, accepted: ReconcileRequest): Promise<void> {
  const lease = {
    resources: [`source:${accepted.source}`],
    owner: context.owner,
    operation: run.operation.id,
    waitSeconds: SOURCE_WAIT,
    signal: run.signal,
  };
  await withLeases(context.store, lease, async () => {
    await currentRights(context, accepted);
    const { given, revision } = await readGiven(context, run, accepted);
    // A fetch takes a while, and a plan may wait for days: look again.
    const request = await currentRights(context, accepted);
    const fresh = await run.step("plan", () => planReconcile(context, { ...request, given }));
    const steps = await asFirstPlanned(context, run, fresh);
    const finish = (why: ProblemError | undefined) => {
      run.result = resultOf({ source: request.source, revision, dryRun: request.dryRun, steps });
      if (why) throw why;
    };
    if (request.dryRun) return finish(incompleteness(steps));
    if (request.atomic && steps.some((step) => step.outcome === "refused")) return finish(refusedAsWhole(steps));
    await run.step("apply", () => apply(context, run, request, steps));
    const held = await prune(context, run, request, steps);
    await run.step("watch", () => watch(context, run, steps));
    if (held !== undefined) run.awaitApproval(held);
    return finish(incompleteness(steps));
  });
}

async function readGiven(context: Context, run: Run, request: ReconcileRequest): Promise<{ given: Given[]; revision: string }> {
  if (request.manifests) return { given: request.manifests.map((manifest) => ({ manifest })), revision: request.revision ?? "" };
  const source = await findSource(context.store.db, request.source);
  if (!source) throw new ProblemError("not_found", "The source was removed before this operation ran.");
  if (request.actingAs !== undefined && request.actingAs !== actingAs(source))
    throw new ProblemError("stale_revision", "The source was changed since this was accepted. The next fetch acts as it says now.");
  const { revision, faults, read } = await fetchAndRead(context, run, source).catch(async (error: unknown) => {
    if (error instanceof ProblemError && !run.signal.aborted) await noteFetch(context.store.db, source.name, "failed");
    throw error;
  });
  const place = ({ file, line, column }: Position) => `${file}:${line}:${column}`;
  const given: Given[] = [
    ...read.manifests.map(({ manifest, position }) => ({ manifest, at: place(position) })),
    ...[...faults, ...read.faults].map((fault) => ({ fault: fault.detail, at: place(fault) })),
  ];
  if (!request.dryRun) await noteFetch(context.store.db, source.name, { revision });
  return { given, revision };
}

async function fetchAndRead(context: Context, run: Run, source: SourceRecord) {
  const { signal } = run;
  const { revision, files, faults } = await run.step("fetch", () => fetchRepository(source, { secretsDir: context.secretsDir, signal }));
  return { revision, faults, read: await run.step("read", () => readFiles(files, { signal })) };
}

/**
 * A run that goes on after a restart finds its own work done, so what was planned first is remembered in an event; a child that
 * was started keeps its place.
 */
async function asFirstPlanned(context: Context, run: Run, fresh: Step[]): Promise<Step[]> {
  const { id } = run.operation;
  const before = (await eventsAfter(context.store.db, id, 0, 500)).find((event) => event.type === "planned");
  if (!before) {
    await run.progress("planned", { summary: summaryOf(fresh), items: fresh.filter((step) => step.outcome !== "unchanged").map(itemOf) });
    return fresh;
  }
  const first = new Map((before.data["items"] as Item[]).map((item) => [idOf(item), item]));
  const started = new Map((await childrenOf(context.store.db, id)).map((child) => [`${child.tenant}/${child.integration}`, child.id]));
  const now = fresh.map((step) => {
    const child = started.get(`${step.tenant}/${step.name}`);
    const planned = first.get(idOf(step));
    if (step.kind !== "Integration" || !child || !planned) return step;
    return { ...step, outcome: planned.outcome, operation: child };
  });
  const named = new Set(now.map(idOf));
  // What was pruned and is gone by now isn't in a fresh plan at all.
  const pruned = [...first.values()].filter((item) => item.outcome === "pruned" && !named.has(idOf(item)));
  return [...now, ...pruned.map((item) => ({ ...item, operation: started.get(`${item.tenant}/${item.name}`) ?? "" }))];
}

async function apply(context: Context, run: Run, request: ReconcileRequest, steps: Step[]): Promise<void> {
  const named = steps.filter((step) => step.manifest !== undefined && step.outcome !== "refused");
  const claims = named.map(({ kind, tenant = "", name, manifest }) => ({
    kind: kind === "Tenant" ? ("Tenant" as const) : ("Integration" as const),
    tenant,
    name,
    labels: manifest?.metadata.labels ?? {},
  }));
  if (!(await claimMembers(context.store.db, request.source, claims)))
    throw new ProblemError("stale_revision", "The source was removed while this reconcile ran. Nothing was changed.");
  const work = named.filter((step) => (step.outcome === "added" || step.outcome === "changed") && step.operation === undefined);
  for (const step of [...work.filter((one) => one.kind === "Tenant"), ...work.filter((one) => one.kind === "Integration")]) {
    run.signal.throwIfAborted();
    await orRefuse(step, async () => {
      const now = await currentRights(context, request);
      await (step.kind === "Tenant" ? applyTenant(context, now, step) : applyIntegration(context, run, now, step));
    });
  }
}

/** One refusal is that manifest's alone. */
async function orRefuse(step: Step, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const { code, detail, pointer } = problemOf(error);
    Object.assign(step, { outcome: "refused" satisfies Outcome, code, reason: detail, ...(pointer && { pointer: `/spec${pointer}` }) });
  }
}

async function applyTenant(context: Context, request: ReconcileRequest, { name, manifest, ifMatch }: Step): Promise<void> {
  const body = manifest?.spec as unknown as TenantSpec;
  await putTenant(context, { name, body, by: acceptedRights(request), ...(ifMatch && { ifMatch }) });
}

async function applyIntegration(context: Context, run: Run, { writers }: ReconcileRequest, step: Step): Promise<void> {
  const { tenant = "", name, manifest, ifMatch } = step;
  const body = manifest?.spec as unknown as PutRequest["body"];
  const { requestedBy } = run.operation;
  const put = await putIntegration(context, {
    tenant,
    name,
    body,
    requestedBy,
    ...(writers && { writers: writers.map(writerOf) }),
    ...(ifMatch && { ifMatch }),
  });
  if (!put.operation) {
    step.outcome = "unchanged";
    return;
  }
  await follow(context, run, step, put.operation.id);
}

async function follow(context: Context, run: Run, step: Step, operation: string): Promise<void> {
  await noteChild(context, run, operation);
  step.operation = operation;
  await run.progress("child-started", { ...itemOf(step) });
}

/**
 * Destroys what the source no longer names, if that is within the limit or was approved. Beyond the limit none is touched, because
 * an empty folder is probably a mistake. An approval needs the hash of the whole list.
 */
async function prune(context: Context, run: Run, request: ReconcileRequest, steps: Step[]): Promise<string | undefined> {
  const { source, maxDeletes } = request;
  const doomed = steps.filter((step) => step.outcome === "pruned");
  const planHash = hash("sha256", JSON.stringify(doomed.map(idOf).sort()));
  // A hash in the row means that this run was parked with it, and only an approval leads on from there.
  if (doomed.length > maxDeletes && run.operation.planHash !== planHash) {
    for (const step of doomed)
      step.reason = `${doomed.length} deletes are more than maxDeletes (${maxDeletes}): they wait for an approval.`;
    return planHash;
  }
  for (const step of doomed.filter((one) => one.operation === undefined)) {
    run.signal.throwIfAborted();
    await orRefuse(step, async () => {
      const { tenant = "", name, ifMatch } = step;
      if (!(await currentRights(context, request)).mayDestroy) throw withoutRights("The author", "destroy");
      const destroy = await deleteIntegration(context, {
        tenant,
        name,
        requestedBy: run.operation.requestedBy,
        ...(ifMatch && { ifMatch }),
      });
      await follow(context, run, step, destroy.id);
    });
  }
  for (const { tenant = "", name, outcome } of doomed) {
    if (outcome === "pruned") await releaseMember(context.store.db, { kind: "Integration", tenant, name, source });
  }
  return undefined;
}

/** Waits until every operation that was started has ended or waits for a person. */
async function watch(context: Context, run: Run, steps: Step[]): Promise<void> {
  const waiting = new Map(steps.flatMap((step) => (step.operation ? [[step.operation, step] as const] : [])));
  const onEnd = ({ id, state, error }: ChildState): Record<string, unknown> => {
    const step = waiting.get(id);
    if (!step) return { operation: id, state };
    step.state = state;
    if (error) Object.assign(step, { code: error.code, reason: error.detail });
    return { ...itemOf(step) };
  };
  await followChildren(context, run, [...waiting.keys()], { isEnd: hasSettled, onEnd });
}
