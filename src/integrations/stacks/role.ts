/** Stacks of the kind `role`: a role that a vendor assumes, with its policies. */
import { resolveReferences } from "../../../stacks/references.ts";
import type { Reference, RoleInputs, RoleSpec, StackSpec } from "../../../stacks/stack.ts";
import { findNamedRole, ownedRole } from "../../accounts/inventory.ts";
import { readRole } from "../../accounts/live-documents.ts";
import { roleArn } from "../../blueprints/parts/role-stack.ts";
import type { GuardedDocument } from "../../iam/guardrails/guardrail.ts";
import type { LiveDocuments, LiveRole } from "../../iam/words/live.ts";
import { sameDocument } from "../../iam/words/policy-document.ts";
import { closedTrust, revokedSessionsPolicy, sessionsRevoked } from "../../iam/words/trust.ts";
import { type DocumentDiff, diffDocuments, maskStatement } from "../document-diff.ts";
import { type NamedPolicy, type TemplateParts, tagList, withParameter } from "../hand-off/template-parts.ts";
import { stackId, type Work } from "../work.ts";
import { documentDifferences, tagDifferences } from "./document-differences.ts";
import { destroyMade, type Place, plainRules, type Removal, type StackDifference, type StackRules } from "./stack-rules.ts";

/** What programs/role.ts gives every role. */
const SESSION_SECONDS = 3_600;

export const isRole = (spec: StackSpec): spec is RoleSpec => spec.kind === "role";

/** The unique id (`AROA…`) that a role's last update recorded, if there is one. Pure. */
export function recordedRoleId(outputs: Readonly<Record<string, unknown>> | undefined): { uniqueId?: string } {
  const uniqueId = outputs?.["roleId"];
  return typeof uniqueId === "string" && uniqueId !== "" ? { uniqueId } : {};
}

export function roleRules(spec: RoleSpec): StackRules {
  const { inputs } = spec;
  const bare = { ...spec, inputs: { ...inputs, trust: closedTrust(), inlinePolicies: [], managedPolicyArns: [] } };
  return {
    ...plainRules(spec),
    role: inputs,
    named: [`role/${inputs.name}`],
    makesMain: true,
    bare,
    closed: (since) => closedRole(spec, since),
    foresee: (output, place) => (output === "roleArn" ? roleArn(place, inputs.name) : undefined),
    isRenamed: (before) => isRole(before) && before.inputs.name !== inputs.name,
    guarded: () => guardedOf(inputs),
    documents: () => documentsOf(inputs),
    template: (id, { asksForId }) => templateOf(inputs, id, asksForId),
    asIfMade: (place) => asIfMade(inputs, place),
    planned: async ({ account }) => ({ spec, documents: roleDiffs(await readRole(account.clients.iam, inputs.name), inputs) }),
    findMade: (work, held) => findMade(work, inputs.name, held),
    isSettled: ({ roles }) =>
      isSettled(
        roles.find(({ name }) => name === inputs.name),
        inputs,
      ),
    differences: (outputs, _prefix, live) => roleDifferences(inputs, recordedRoleId(outputs).uniqueId, live),
    remove: (work, removal) => remove(work, spec, bare, removal),
    survivors: async ({ account }, owner) => {
      const there = await ownedRole(account.clients.iam, inputs.name, owner);
      return there ? [there.arn] : [];
    },
  };
}

function closedRole(spec: RoleSpec, since: string): RoleSpec {
  const others = spec.inputs.inlinePolicies.filter(({ name }) => name !== revokedSessionsPolicy);
  const inlinePolicies = [...others, { name: revokedSessionsPolicy, document: sessionsRevoked(since) }];
  return { ...spec, inputs: { ...spec.inputs, trust: closedTrust(), inlinePolicies } };
}

async function findMade({ account, integration }: Work, name: string, held: ReadonlySet<string>): Promise<Record<string, string>> {
  if (held.has("role")) return {};
  const owned = await ownedRole(account.clients.iam, name, { tenant: account.tenant, integration });
  return owned === undefined ? {} : { role: name };
}

/**
 * The role with this name may be somebody else's: ours was deleted by hand, and another was made with the same name. The engine knows a
 * role only by its name and would delete that one. So the stack's state drops the role instead.
 */
async function remove(work: Work, spec: RoleSpec, bare: RoleSpec, removal: Removal): Promise<"removed" | "left"> {
  const { clients, tenant } = work.account;
  const named = { name: spec.inputs.name, ...recordedRoleId(removal.before?.outputs) };
  const { standing } = await findNamedRole(clients.iam, named, { tenant, integration: work.integration });
  if (standing !== "foreign") return destroyMade(work, bare, removal);
  await work.run.progress("role-left", { stack: stackId(spec) });
  return "left";
}

/** Whether a role holds what its spec says. The closure judges what it holds beyond that. */
function isSettled(live: LiveRole | undefined, wanted: RoleInputs): boolean {
  if (!live || !sameDocument(live.trust, wanted.trust)) return false;
  const inline = new Map(live.inline.map(({ name, document }) => [name, document]));
  const attached = new Set(live.attached.map(({ name }) => name));
  return (
    wanted.inlinePolicies.every(({ name, document }) => {
      const found = inline.get(name);
      // A revocation at the same time writes its own date into this policy.
      return found !== undefined && (name === revokedSessionsPolicy || sameDocument(found, document));
    }) && wanted.managedPolicyArns.every((arn) => attached.has(arn))
  );
}

function roleDiffs(live: LiveRole | undefined, wanted: RoleInputs): DocumentDiff[] {
  const inline = new Map((live?.inline ?? []).map(({ name, document }) => [name, document]));
  const names = new Set([...inline.keys(), ...wanted.inlinePolicies.map(({ name }) => name)]);
  const diffs = [...names].map((name) =>
    diffDocuments(`inline/${name}`, inline.get(name), wanted.inlinePolicies.find((policy) => policy.name === name)?.document),
  );
  return [diffDocuments("trust", live?.trust, wanted.trust), ...diffs].filter((diff): diff is DocumentDiff => diff !== undefined);
}

function guardedOf({ name, trust, inlinePolicies }: RoleInputs): GuardedDocument[] {
  const inline = inlinePolicies.map((policy) => ({
    name: `policy ${policy.name} of ${name}`,
    kind: "inline" as const,
    document: policy.document,
  }));
  return [{ name: `trust of ${name}`, kind: "trust", document: trust }, ...inline];
}

function documentsOf({ name, trust, inlinePolicies }: RoleInputs): NamedPolicy[] {
  return [
    { name: `${name}: trust policy`, what: `Who may assume the role ${name}.`, document: trust },
    ...inlinePolicies.map((policy) => ({
      name: `${name}: ${policy.name}`,
      what: `Inline policy ${policy.name} of the role ${name}.`,
      document: policy.document,
    })),
  ];
}

/** The role outlives the template's stack and is never replaced, so it can be adopted and nothing that trusts it breaks. */
function templateOf(inputs: RoleInputs, id: string, asksForId: boolean): TemplateParts {
  const { name, description, trust, inlinePolicies, managedPolicyArns, permissionsBoundaryArn, tags } = inputs;
  const Properties = {
    RoleName: name,
    Description: description,
    MaxSessionDuration: SESSION_SECONDS,
    AssumeRolePolicyDocument: asksForId ? { ...trust, Statement: trust.Statement.map(withParameter) } : trust,
    ...(inlinePolicies.length > 0 && {
      Policies: inlinePolicies.map((policy) => ({ PolicyName: policy.name, PolicyDocument: policy.document })),
    }),
    ...(managedPolicyArns.length > 0 && { ManagedPolicyArns: managedPolicyArns }),
    ...(permissionsBoundaryArn !== undefined && { PermissionsBoundary: permissionsBoundaryArn }),
    Tags: tagList(tags),
  };
  return {
    resources: { [id]: { Type: "AWS::IAM::Role", DeletionPolicy: "Retain", UpdateReplacePolicy: "Retain", Properties } },
    outputs: { [`${id}Arn`]: { Description: `ARN of the role ${name}`, Value: { "Fn::GetAtt": [id, "Arn"] } } },
    byHand: [],
  };
}

/** A placeholder for the ARN of a key that doesn't exist yet. It has the form of an ARN, so statements on it can be judged. */
export const unmade =
  ({ accountId, partition }: Place) =>
  ({ key, output }: Reference["$ref"]): string =>
    `arn:${partition}:kms:region:${accountId}:key/${output}-of-${key}`;

function asIfMade(inputs: RoleInputs, place: Place): LiveRole {
  const { name, trust, inlinePolicies, tags } = resolveReferences(inputs, unmade(place));
  const { accountId } = place;
  return {
    arn: roleArn(place, name),
    roleId: "",
    name,
    accountId,
    trust,
    inline: inlinePolicies,
    attached: [],
    maxSessionDuration: SESSION_SECONDS,
    tags,
  };
}

function roleDifferences(wanted: RoleInputs, madeAs: unknown, { roles }: LiveDocuments): StackDifference[] {
  const live = roles.find((role) => role.name === wanted.name);
  if (!live) return [{ document: "role", what: "missing", words: `Role ${wanted.name} doesn't exist.` }];
  return [
    ...againDifferences(live, madeAs),
    ...documentDifferences("trust", "the trust", wanted.trust, live.trust),
    ...inlineDifferences(wanted, live),
    ...attachedDifferences(wanted, live),
    ...settingDifferences(wanted, live),
  ];
}

/**
 * A role that was deleted and made again with the same name isn't the same principal: policies that named the old one don't mean the new
 * one (IAM user guide, "Unique identifiers").
 */
function againDifferences({ name, roleId }: LiveRole, madeAs: unknown): StackDifference[] {
  if (typeof madeAs !== "string" || madeAs === roleId) return [];
  const words = `Role ${name} was deleted and made again: a policy elsewhere that named it doesn't mean the new one.`;
  return [{ document: "role", what: "changed", words, expected: madeAs, found: roleId }];
}

function inlineDifferences(wanted: RoleInputs, live: LiveRole): StackDifference[] {
  const expected = new Map(wanted.inlinePolicies.map(({ name, document }) => [name, document]));
  const found = new Map(live.inline.map(({ name, document }) => [name, document]));
  const names = [...new Set([...expected.keys(), ...found.keys()])];
  return names.flatMap((name): StackDifference[] => {
    const [ours, theirs] = [expected.get(name), found.get(name)];
    const document = `inline/${name}`;
    if (!ours) {
      return [{ document, what: "added", words: `Inline policy ${name} was added.`, found: theirs?.Statement.map(maskStatement) }];
    }
    if (!theirs) {
      return [{ document, what: "removed", words: `Inline policy ${name} was removed.`, expected: ours.Statement.map(maskStatement) }];
    }
    return documentDifferences(document, `inline policy ${name}`, ours, theirs);
  });
}

function attachedDifferences(wanted: RoleInputs, live: LiveRole): StackDifference[] {
  const found = live.attached.map(({ name }) => name);
  return [
    ...found
      .filter((arn) => !wanted.managedPolicyArns.includes(arn))
      .map((arn): StackDifference => ({ document: "attached", what: "added", words: `Managed policy ${arn} was attached.`, found: arn })),
    ...wanted.managedPolicyArns
      .filter((arn) => !found.includes(arn))
      .map(
        (arn): StackDifference => ({ document: "attached", what: "removed", words: `Managed policy ${arn} was detached.`, expected: arn }),
      ),
  ];
}

function settingDifferences(wanted: RoleInputs, live: LiveRole): StackDifference[] {
  const boundary = live.boundary?.name;
  const differences: StackDifference[] = [];
  if (boundary !== wanted.permissionsBoundaryArn) {
    const words = boundary === undefined ? "The permissions boundary was removed." : `The permissions boundary is ${boundary} now.`;
    const what = boundary === undefined ? "removed" : wanted.permissionsBoundaryArn === undefined ? "added" : "changed";
    differences.push({ document: "boundary", what, words, expected: wanted.permissionsBoundaryArn ?? null, found: boundary ?? null });
  }
  if (live.maxSessionDuration !== SESSION_SECONDS) {
    const words = `Sessions may last ${live.maxSessionDuration} s instead of ${SESSION_SECONDS} s.`;
    differences.push({ document: "session-duration", what: "changed", words, expected: SESSION_SECONDS, found: live.maxSessionDuration });
  }
  return [...differences, ...tagDifferences(wanted.tags, live.tags)];
}
