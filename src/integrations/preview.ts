/** Preview: what an `up` would do, by the engine's own plan and by the documents that would change. Nothing is written. */
import { referencesOf, resolveReferences } from "../../stacks/references.ts";
import type { Reference, RoleInputs, StackSpec } from "../../stacks/stack.ts";
import { readBucketPolicy, readRole } from "../accounts/live-documents.ts";
import { roleArn } from "../blueprints/role-stack.ts";
import { mergeStatements } from "../iam/merge.ts";
import { sidPrefix } from "../iam/sid.ts";
import { queueKey } from "../operations/queue.ts";
import type { Run } from "../operations/run.ts";
import { createOperation, type StoredOperation } from "../store/operations.ts";
import { enterAccount } from "./account.ts";
import { contextOf, desiredStacks } from "./desired-stacks.ts";
import { type DocumentDiff, diffDocuments } from "./document-diff.ts";
import { keyGrants } from "./key-access.ts";
import { preflight } from "./preflight.ts";
import { type PutRequest, readRequest, requireTenant } from "./put.ts";
import type { Shell } from "./shell.ts";
import { type UpRequest, wishOf } from "./up.ts";
import { runEngine, stackId, type Work } from "./update-stacks.ts";

/** What a preview operation carries. */
interface PreviewRequest extends UpRequest {
  name: string;
}

/**
 * Accepts a preview: checked like a PUT, but it changes no record and queues behind nobody.
 *
 * @throws ProblemError as readRequest
 */
export async function previewIntegration(shell: Shell, request: PutRequest): Promise<StoredOperation> {
  const { tenant, next } = await readRequest(shell, request);
  const { name, blueprint, version, parameters, externalIds } = next;
  const frozen: PreviewRequest = { name, blueprint, version, parameters, externalIds };
  return shell.store.db.transaction().execute(async (trx) => {
    const operation = await createOperation(trx, {
      kind: "preview",
      tenant: tenant.name,
      integration: name,
      request: { ...frozen },
      requestedBy: request.requestedBy,
      deadlineSeconds: shell.operationSeconds,
      stacks: [],
    });
    await shell.queue.enqueue(trx, { operationId: operation.id, key: queueKey(operation) });
    return operation;
  });
}

/** Runs a preview; its result holds each stack's planned steps and the difference of every document. */
export async function preview(shell: Shell, run: Run, request: PreviewRequest): Promise<void> {
  const tenant = await requireTenant(shell, run.operation.tenant ?? "");
  const wish = wishOf(request, request.name, shell.now());
  const desired = desiredStacks(tenant, wish);
  const account = await run.step("enter-account", () => enterAccount(shell, tenant, run.operation.id));
  const work: Work = { shell, run, account, integration: request.name };
  const { warnings, keys } = await run.step("preflight", () => preflight(account, request.name, desired));
  const wanted = [...desired.specs, ...keyGrants(request.name, desired.specs, desired.contract, keys)];
  const context = contextOf(tenant, wish);
  const specs = wanted.map((spec) => resolveReferences(spec, (ref) => foreseen(wanted, ref, (name) => roleArn(context, name))));
  const stacks = await run.step("preview-stacks", () => Promise.all(specs.map((spec) => previewStack(work, spec))));
  run.result = { stacks, warnings, order: wanted.map((spec) => ({ stack: stackId(spec), after: referencesOf(spec).map(stackId) })) };
}

/** An output before its stack is up: a role's ARN follows from its name; for the rest the reference itself is shown. */
function foreseen(specs: readonly StackSpec[], ref: Reference["$ref"], arnOf: (name: string) => string): string {
  const source = specs.find((spec) => spec.kind === ref.kind && spec.key === ref.key);
  if (source?.kind === "role" && ref.output === "roleArn") return arnOf(source.inputs.name);
  return `(${ref.output} of ${ref.kind}/${ref.key})`;
}

async function previewStack(work: Work, spec: StackSpec) {
  const { spec: actual, documents } = await plannedDocuments(work, spec);
  const result = await runEngine(work, "preview", actual, {
    lease: { epoch: work.run.epoch, signal: work.run.signal, recordRunner: async () => {} },
    refresh: false,
  });
  return { stack: stackId(spec), changes: result.changes, steps: result.steps.filter((step) => step.op !== "same"), documents };
}

async function plannedDocuments({ account, integration }: Work, spec: StackSpec): Promise<{ spec: StackSpec; documents: DocumentDiff[] }> {
  const { clients, tenant } = account;
  if (spec.kind === "role") return { spec, documents: roleDiffs(await readRole(clients.iam, spec.inputs.name), spec.inputs) };
  if (spec.kind !== "bucket-policy") return { spec, documents: [] };
  const { bucket, policy } = spec.inputs;
  const live = await readBucketPolicy(clients.s3, bucket, tenant.accountId);
  const merged = mergeStatements(live, sidPrefix(tenant.name, integration), policy.Statement);
  const diff = diffDocuments("bucket-policy", live, merged);
  return { spec: { ...spec, inputs: { bucket, policy: merged } }, documents: diff ? [diff] : [] };
}

type LiveRole = Awaited<ReturnType<typeof readRole>>;

function roleDiffs(live: LiveRole, wanted: RoleInputs): DocumentDiff[] {
  const inline = new Map((live?.inline ?? []).map(({ name, document }) => [name, document]));
  const names = new Set([...inline.keys(), ...wanted.inlinePolicies.map(({ name }) => name)]);
  const diffs = [...names].map((name) =>
    diffDocuments(`inline/${name}`, inline.get(name), wanted.inlinePolicies.find((policy) => policy.name === name)?.document),
  );
  return [diffDocuments("trust", live?.trust, wanted.trust), ...diffs].filter((diff): diff is DocumentDiff => diff !== undefined);
}
