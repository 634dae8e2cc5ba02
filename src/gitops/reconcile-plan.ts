/** Decides what a set of manifests would change, from a few batch reads, without AWS and without Pulumi. */
import { setImmediate as breathe } from "node:timers/promises";
import type { Context } from "../integrations/context.ts";
import { decide } from "../integrations/decide.ts";
import { refuseByStore } from "../integrations/put.ts";
import type { VisibleTenants } from "../model/caller.ts";
import { integrationEtag, tenantEtag } from "../model/etag.ts";
import { type Manifest, manifestId, readManifestSpec } from "../model/manifest.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { ProblemError, problemOf } from "../problem.ts";
import { refuseTenant, type TenantSpec } from "../tenants/tenants.ts";
import { type Facts, pauseOf, readFacts } from "./reconcile-facts.ts";
import type { Given, PlanRequest, Step } from "./reconcile-items.ts";
import { prunes } from "./reconcile-prunes.ts";
import { acceptedRights } from "./reconcile-rights.ts";

const ITEMS_PER_YIELD = 25;

/**
 * One step per manifest, in order, then one per integration that the source owns and no longer names. Refusals are steps too: a
 * manifest that is refused still counts as named, and while a document can't be read at all nothing is pruned.
 */
export async function planReconcile(context: Context, request: PlanRequest): Promise<Step[]> {
  const manifests = request.given.flatMap((one) => ("manifest" in one ? [one.manifest] : []));
  const facts = await readFacts(context, request.source, manifests);
  const seen = new Map<string, number>();
  const steps: Step[] = [];
  for (const [index, one] of tenantsFirst(request.given)) {
    if (index % ITEMS_PER_YIELD === 0) await breathe();
    if ("fault" in one) {
      steps.push({
        kind: "File",
        name: one.at.split(":")[0] ?? one.at,
        outcome: "refused",
        code: "invalid_request",
        reason: one.fault,
        at: one.at,
        index,
      });
      continue;
    }
    const { manifest, at } = one;
    const step = await planOne(context, request, { manifest, index, facts, seen });
    steps.push({ ...step, index, ...(at && { at }) });
    if (manifest.kind === "Tenant" && step.outcome === "added")
      facts.tenants.set(manifest.metadata.name, foreseenTenant(context, manifest));
  }
  steps.sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
  return [...steps, ...prunes(request, facts, seen)];
}

/** An integration may stand before its tenant: files are read in the order of their names. */
function tenantsFirst(given: readonly Given[]): [number, Given][] {
  const entries = [...given.entries()];
  const isTenant = ([, one]: [number, Given]) => "manifest" in one && one.manifest.kind === "Tenant";
  return [...entries.filter(isTenant), ...entries.filter((entry) => !isTenant(entry))];
}

interface One {
  manifest: Manifest;
  index: number;
  facts: Facts;
  seen: Map<string, number>;
}

async function planOne(context: Context, request: PlanRequest, one: One): Promise<Step> {
  const { manifest, index, facts, seen } = one;
  const { name } = manifest.metadata;
  const tenant = manifest.kind === "Tenant" ? name : manifest.metadata.tenant;
  const subject = { kind: manifest.kind, tenant, name, manifest };
  try {
    const first = seen.get(manifestId(manifest));
    if (first !== undefined) throw new ProblemError("invalid_request", `${manifestId(manifest)} is given twice. Keep one of them.`);
    seen.set(manifestId(manifest), index);
    refuseOthers(request, facts, subject);
    const read = readManifestSpec(manifest.kind, manifest.spec);
    if (!read.ok) throw new ProblemError("invalid_request", read.detail, { pointer: `/spec${read.pointer}` });
    if (manifest.kind === "Tenant") return { ...subject, ...(await planTenant(context, request, manifest, facts.tenants.get(name))) };
    return { ...subject, ...(await planIntegration(context, facts, tenant, manifest)) };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const { code, detail, pointer } = problemOf(error);
    // Pointers of the verbs lead into the body of a PUT, which is the spec here.
    const inside = pointer === undefined || pointer.startsWith("/spec") ? pointer : `/spec${pointer}`;
    return { ...subject, outcome: "refused", code, reason: detail, ...(inside && { pointer: inside }) };
  }
}

/** Refuses what this caller or this source may not change, and everything while automation is paused. */
function refuseOthers(request: PlanRequest, facts: Facts, subject: { kind: "Tenant" | "Integration"; tenant: string; name: string }): void {
  const { kind, tenant, name } = subject;
  if (request.tenants !== "*" && !request.tenants.includes(tenant)) throw new ProblemError("not_found", "There is no such tenant here.");
  const owner = facts.members.find((member) => member.kind === kind && member.tenant === tenant && member.name === name)?.source;
  if (owner !== undefined && owner !== request.source) throw managedBySource(owner, request.tenants);
  const reason = pauseOf(facts, tenant);
  if (reason !== undefined) throw new ProblemError("paused", `Automation is paused: ${reason}`);
}

/** Only a caller who holds every tenant learns the name of the owner. */
export function managedBySource(owner: string, tenants: VisibleTenants): ProblemError {
  const whose = tenants === "*" ? `Source ${owner}` : "Another source";
  return new ProblemError("managed_by_source", `${whose} owns this. Change it there, or remove the source first.`);
}

/** A tenant as its manifest would have it: enough to judge integrations of a tenant that isn't registered yet. */
function foreseenTenant(context: Context, { metadata, spec }: Manifest): TenantRecord {
  const { tags = {}, ...given } = spec as unknown as TenantSpec;
  const now = context.now();
  return { name: metadata.name, ...given, tags, provisioningExternalId: "", createdAt: now, updatedAt: now };
}

async function planTenant(
  context: Context,
  request: PlanRequest,
  manifest: Manifest,
  before: TenantRecord | undefined,
): Promise<Pick<Step, "outcome" | "ifMatch">> {
  const spec = manifest.spec as unknown as TenantSpec;
  const by = acceptedRights(request);
  await refuseTenant(context, context.store.db, { name: manifest.metadata.name, body: spec, by }, before);
  if (!before) return { outcome: "added" };
  const ifMatch = tenantEtag(before);
  return { outcome: tenantEtag({ ...spec, tags: spec.tags ?? {} }) === ifMatch ? "unchanged" : "changed", ifMatch };
}

type IntegrationManifest = Extract<Manifest, { kind: "Integration" }>;
interface IntegrationSpec {
  blueprint: string;
  version?: string;
  parameters: Record<string, unknown>;
  settings?: Record<string, unknown>;
}

async function planIntegration(
  context: Context,
  facts: Facts,
  tenantName: string,
  { metadata, spec }: IntegrationManifest,
): Promise<Pick<Step, "outcome" | "ifMatch" | "reason">> {
  const tenant = facts.tenants.get(tenantName);
  if (!tenant) throw new ProblemError("not_found", "There is no such tenant. Register it, or give it a manifest.");
  const before = facts.integrations.get(`${tenantName}/${metadata.name}`);
  const body = spec as unknown as IntegrationSpec;
  if (before?.settings["paused"] === true && body.settings?.["paused"] !== false) {
    throw new ProblemError("paused", "This integration is paused. Set settings.paused to false to let it go on.");
  }
  const asked = { tenant: tenantName, name: metadata.name, body };
  const decision = decide(asked, { tenant, before, revoked: facts.revoked, now: context.now(), service: context });
  const { next, desired } = decision;
  if (!before) {
    await refuseByStore(context, decision);
    return { outcome: "added" };
  }
  const ifMatch = integrationEtag(before);
  if (integrationEtag(next) !== ifMatch) {
    await refuseByStore(context, decision);
    return { outcome: "changed", ifMatch };
  }
  const open = facts.busy.get(`${tenantName}/${metadata.name}`);
  // An unchanged manifest asks for nothing new.
  if (open?.includes("destroy")) return { outcome: "unchanged", ifMatch, reason: "A teardown of it is under way. PUT it if it is wanted." };
  if (before.closedByTeardown)
    return { outcome: "unchanged", ifMatch, reason: "A teardown closed its access and didn't end. PUT it if it is wanted, or DELETE it." };
  if (open !== undefined) return { outcome: "changed", ifMatch, reason: "An operation is under way on it." };
  if (before.lastUp?.succeeded !== true)
    return { outcome: "changed", ifMatch, reason: "Its last update didn't succeed, or its tenant changed since." };
  if (before.lastUp.specHash !== desired.specHash)
    return { outcome: "changed", ifMatch, reason: "Its blueprint makes other stacks of the same parameters now." };
  return { outcome: "unchanged", ifMatch };
}
