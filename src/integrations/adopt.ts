/** `adopt`: takes over a role that the hand-off's template or a person made. It doesn't make the role again. */

import { ownershipTags } from "../../stacks/name.ts";
import { resolveReferences } from "../../stacks/references.ts";
import type { RoleInputs, RoleSpec, StackSpec } from "../../stacks/stack.ts";
import { tagRole } from "../accounts/actions.ts";
import { findAdoptableRole } from "../accounts/inventory.ts";
import { readRole } from "../accounts/live-documents.ts";
import { roleArn } from "../blueprints/parts/role-stack.ts";
import type { LiveRole } from "../iam/words/live.ts";
import { sameDocument } from "../iam/words/policy-document.ts";
import type { Credential } from "../model/caller.ts";
import type { UpRequest } from "../model/integration.ts";
import type { TenantRecord } from "../model/tenant.ts";
import type { Run } from "../operations/run.ts";
import { ProblemError } from "../problem.ts";
import { claimantsOfAccount } from "../store/claims/accounts.ts";
import { findIntegration } from "../store/integrations.ts";
import type { StoredOperation } from "../store/operations.ts";
import { accept, readAgain } from "./accept.ts";
import type { Context } from "./context.ts";
import { recordedIntegration } from "./desired-integration.ts";
import { desiredStacks, partitionOf } from "./desired-stacks.ts";
import { type DocumentDiff, diffDocuments } from "./document-diff.ts";
import { findTenantIntegration } from "./lookup.ts";
import { keysOfStack } from "./stacks/owned-key.ts";
import { recordChanging } from "./stacks/recorded-stacks.ts";
import { isRole } from "./stacks/role.ts";
import { up } from "./up.ts";
import { stackId, type Work } from "./work.ts";

export interface AdoptRequest {
  tenant: string;
  name: string;
  roleArn: string;
  requestedBy: string;
  credential?: Credential;
}

/** How an existing role differs from the one that the integration would make. */
export interface RoleDifferences {
  documents: DocumentDiff[];
  /** Differences outside the documents, in sentences. */
  others: string[];
}

/**
 * Accepts the takeover of a role.
 *
 * @throws ProblemError not_found, access_mode_disabled while the tenant is hand-off, invalid_parameters when the integration makes no role
 *   of that name
 */
export function requestAdoption(context: Context, request: AdoptRequest): Promise<StoredOperation> {
  return readAgain(() => requestOnce(context, request));
}

async function requestOnce(context: Context, request: AdoptRequest): Promise<StoredOperation> {
  const { tenant, record } = await findTenantIntegration(context, request.tenant, request.name);
  if (tenant.access.mode === "hand-off") {
    throw new ProblemError(
      "access_mode_disabled",
      `Tenant ${tenant.name} is hand-off: Drawbridge never calls its account. Give the tenant a provisioning role first.`,
    );
  }
  const desired = desiredStacks(tenant, await recordedIntegration(context, record));
  requireRole(tenant, desired.specs, request.roleArn);
  return accept(context, {
    kind: "adopt",
    next: record,
    basis: record,
    desired,
    also: { roleArn: request.roleArn },
    requestedBy: request.requestedBy,
    credential: request.credential,
  });
}

function requireRole(tenant: TenantRecord, specs: readonly StackSpec[], asked: string): RoleSpec {
  const roles = specs.filter(isRole);
  const arnOf = (spec: RoleSpec): string =>
    roleArn({ partition: partitionOf(tenant.region), accountId: tenant.accountId }, spec.inputs.name);
  const found = roles.find((spec) => arnOf(spec) === asked);
  if (found) return found;
  throw new ProblemError(
    "invalid_parameters",
    `This integration has no role ${asked}; it has ${roles.map(arnOf).join(" and ")}. A role keeps its name: put the integration with that roleName.`,
    { pointer: "/roleArn" },
  );
}

/** Runs an adoption: an `up` that compares the role before it writes anything, and takes the role in instead of making it. */
export async function adopt(context: Context, run: Run, { roleArn, ...request }: UpRequest & { roleArn: string }): Promise<void> {
  await up(context, run, request, {
    async compare(work, specs) {
      const spec = requireRole(work.account.tenant, specs, roleArn);
      return { role: spec.inputs.name, warnings: await compareRole(work, spec) };
    },
    take: (work, specs) => takeOver(work, specs, requireRole(work.account.tenant, specs, roleArn)),
  });
}

/**
 * Refuses a role that doesn't exist, belongs to somebody else or differs. The operation's result shows the differences. Returns warnings.
 *
 * @throws ProblemError not_found, role_name_taken, adopt_differs, aws_denied, aws_throttled, aws_rejected
 */
async function compareRole(work: Work, spec: RoleSpec): Promise<string[]> {
  const { account, run, integration } = work;
  const live = await readRole(account.clients.iam, spec.inputs.name);
  if (!live) throw new ProblemError("not_found", `The account has no role ${spec.inputs.name}. PUT the integration to make it.`);
  const tenant = live.tags["drawbridge:tenant"] ?? account.tenant.name;
  if (tenant !== account.tenant.name || (live.tags["drawbridge:integration"] ?? integration) !== integration) {
    throw anotherRole(spec.inputs.name);
  }
  const differences = roleDifferences(live, await withKeys(work, spec));
  const names = [...differences.documents.map(({ document }) => document), ...differences.others];
  if (names.length === 0) return cloudFormationWarnings(live);
  // Anybody may own a role without our tags. So if several tenants share the account, none of them sees the role's documents.
  const isShared = (await claimantsOfAccount(work.context.store.db, account.tenant.accountId)).length > 1;
  run.result = { differences: isShared ? { documents: [], others: names } : differences };
  throw new ProblemError(
    "adopt_differs",
    `Role ${spec.inputs.name} isn't what the integration would make: ${names.join("; ")}. Make it the same by the hand-off's documents, then adopt again; the operation's result says how it differs.`,
    { pointer: "/roleArn" },
  );
}

const anotherRole = (name: string): ProblemError =>
  new ProblemError("role_name_taken", `Role ${name} is another integration's by its tags.`, { pointer: "/roleArn" });

/** The role's inputs. ARNs of the integration's own keys, found by their tags, replace the references. */
async function withKeys(work: Work, spec: RoleSpec): Promise<RoleInputs> {
  const names = new Set<string>();
  resolveReferences(spec, (ref) => {
    names.add(ref.key);
    return "";
  });
  const arns = new Map<string, string | undefined>();
  for (const name of names) arns.set(name, (await keysOfStack(work, name)).find(({ enabled }) => enabled)?.arn);
  const resolved = resolveReferences(spec, (ref) => arns.get(ref.key) ?? `(${ref.output} of ${ref.kind}/${ref.key})`);
  return resolved.inputs;
}

/** What must change so that the role is the wanted one. Tags, description and session length don't count. Pure. */
export function roleDifferences(live: LiveRole, wanted: RoleInputs): RoleDifferences {
  const inline = new Map(live.inline.map(({ name, document }) => [name, document]));
  const asked = new Map(wanted.inlinePolicies.map(({ name, document }) => [name, document]));
  const pairs = [...new Set([...asked.keys(), ...inline.keys()])].map(
    (name) => [`inline/${name}`, inline.get(name), asked.get(name)] as const,
  );
  const documents = [["trust", live.trust, wanted.trust] as const, ...pairs].flatMap(([name, before, after]) =>
    sameDocument(before, after) ? [] : (diffDocuments(name, before, after) ?? []),
  );
  const attached = live.attached.map(({ name }) => name);
  const boundary = live.boundary?.name;
  return {
    documents,
    others: [
      ...attached.filter((arn) => !wanted.managedPolicyArns.includes(arn)).map((arn) => `${arn} is attached and shouldn't be`),
      ...wanted.managedPolicyArns.filter((arn) => !attached.includes(arn)).map((arn) => `${arn} isn't attached`),
      ...(boundary === wanted.permissionsBoundaryArn
        ? []
        : [`the permissions boundary is ${boundary ?? "none"} and not ${wanted.permissionsBoundaryArn ?? "none"}`]),
    ],
  };
}

/**
 * The `aws:cloudformation:` tags say that a CloudFormation stack made the role. An update or deletion of that stack still changes the role
 * (CloudFormation user guide, "Resource tag").
 */
export function cloudFormationWarnings({ name, tags }: Pick<LiveRole, "name" | "tags">): string[] {
  const stack = tags["aws:cloudformation:stack-name"];
  if (stack === undefined) return [];
  return [
    `Role ${name} still belongs to CloudFormation stack ${stack}: an update of that stack would undo what Drawbridge changes. Delete the stack; its template retains the role.`,
  ];
}

/** Tags the role as ours and records its stacks as begun. From now on find-orphans.ts finds it like a role that an interrupted run made. */
async function takeOver(work: Work, specs: readonly StackSpec[], spec: RoleSpec): Promise<void> {
  const { context, account, integration } = work;
  const tenant = account.tenant.name;
  // Look it up again: somebody may have tagged it since the comparison.
  const role = await findAdoptableRole(account.clients.iam, spec.inputs.name, { tenant: account.tenant, integration });
  if (!role) throw anotherRole(spec.inputs.name);
  await tagRole(account.clients.iam, role, ownershipTags(tenant, integration, "role", spec.key));
  const known = new Set((await findIntegration(context.store.db, tenant, integration))?.stacks.map((stack) => stackId(stack.spec)));
  for (const one of specs) if (!known.has(stackId(one))) await recordChanging(work, one);
}
