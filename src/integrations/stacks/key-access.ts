/**
 * Stacks of the kind `kms-key` that give access to a key which isn't ours. The engine makes the grants. We write our statements into the
 * key's policy without the engine, and keep everybody else's statements as they are.
 */
import type { KeyAccessSpec, StackSpec } from "../../../stacks/stack.ts";
import { putKeyPolicy, revokeGrant } from "../../accounts/actions.ts";
import { findOwnGrants } from "../../accounts/grants.ts";
import { keyStatementsLeft } from "../../accounts/inventory.ts";
import { readKeyPolicyText } from "../../accounts/live-documents.ts";
import { withOwnStatements, withoutOwnStatements } from "../../accounts/own-statements.ts";
import type { LiveDocuments } from "../../iam/words/live.ts";
import { mergeStatements } from "../../iam/words/merge.ts";
import {
  canonicalJson,
  documentLimits,
  documentSize,
  readDocument,
  type Statement,
  sameDocument,
} from "../../iam/words/policy-document.ts";
import { sidPrefix } from "../../iam/words/sid.ts";
import type { RecordedStack } from "../../model/integration.ts";
import { ProblemError } from "../../problem.ts";
import { type DocumentDiff, diffDocuments } from "../document-diff.ts";
import { runEngine, type Work } from "../work.ts";
import { keyStateDifferences } from "./document-differences.ts";
import { plainRules, type Removal, type StackDifference, type StackRules } from "./stack-rules.ts";
import { refuseStalePrincipals } from "./stale-principals.ts";

export const isKeyAccess = (spec: StackSpec): spec is KeyAccessSpec => spec.kind === "kms-key" && "existingKeyArn" in spec.inputs;

type Inputs = KeyAccessSpec["inputs"];

export function keyAccessRules(spec: KeyAccessSpec): StackRules {
  const { inputs } = spec;
  return {
    ...plainRules(spec),
    usesKeys: true,
    named: [`key/${inputs.existingKeyArn}`],
    sharedDocuments: [inputs.existingKeyArn],
    planned: async (work) => ({ spec, documents: await planned(work, inputs) }),
    outputsBeside: (work, _applied, before) => outputsBeside(work, inputs, before),
    differences: (_outputs, _prefix, live) => grantDifferences(inputs, live),
    remove: (work, removal) => remove(work, spec, removal),
    survivors: async ({ account }, owner) => [
      ...(await findOwnGrants(account.clients, inputs, owner)).map(({ name }) => name),
      ...(await keyStatementsLeft(account.clients, owner, inputs)),
    ],
  };
}

async function planned({ account, integration }: Work, { existingKeyArn, statements }: Inputs): Promise<DocumentDiff[]> {
  if (!statements) return [];
  const live = readDocument(await readKeyPolicyText(account.clients.kms, existingKeyArn));
  const diff = diffDocuments("key-policy", live, mergeStatements(live, sidPrefix(account.tenant.name, integration), statements));
  return diff ? [diff] : [];
}

function priorPolicyOf(before: RecordedStack | undefined): string | undefined {
  const prior = before?.outputs?.["priorPolicy"];
  return typeof prior === "string" ? prior : undefined;
}

/** In addition to the update, writes our statements into the key's policy and removes those of an earlier update. */
async function outputsBeside(work: Work, inputs: Inputs, before: RecordedStack | undefined): Promise<{ priorPolicy?: string }> {
  if (inputs.statements === undefined && before?.outputs?.["priorPolicy"] === undefined) return {};
  return { priorPolicy: await giveStatements(work, inputs, priorPolicyOf(before)) };
}

/** Grants aren't taken in. A grant that an interrupted run made is found by its name and revoked. */
async function remove(work: Work, spec: KeyAccessSpec, { lease, before, owner }: Removal): Promise<"removed"> {
  const { statements } = spec.inputs;
  const own = await owner();
  if (statements) await takeKeyStatementsAway(work, spec.inputs, priorPolicyOf(before));
  for (const grant of await findOwnGrants(work.account.clients, spec.inputs, own)) await revokeGrant(work.account.clients.kms, grant);
  await runEngine(work, "destroy", spec, { lease, refresh: true });
  return "removed";
}

/**
 * Makes this integration's statements in the key's policy the wanted ones. Returns the policy's text from before the first of them, so that
 * it can be put back word for word. The prior policy also goes into an event, because AWS offers no compare-and-swap.
 *
 * @throws ProblemError stale_principal, policy_too_large, aws_denied, aws_throttled, aws_rejected
 */
async function giveStatements(work: Work, { existingKeyArn, statements = [] }: Inputs, prior?: string): Promise<string> {
  const { account, run, integration } = work;
  const { kms } = account.clients;
  const owner = { tenant: account.tenant, integration };
  const text = await readKeyPolicyText(kms, existingKeyArn);
  const live = readDocument(text);
  await run.progress("key-policy-read", { key: existingKeyArn, prior: live });
  refuseStalePrincipals(`The policy of key ${existingKeyArn}`, live);
  const change = withOwnStatements(existingKeyArn, live, owner, statements);
  const size = change ? documentSize(change.document) : 0;
  if (size > documentLimits.key) {
    throw new ProblemError(
      "policy_too_large",
      `The policy of key ${existingKeyArn} would have ${size} bytes; KMS takes ${documentLimits.key}.`,
    );
  }
  if (change) await putKeyPolicy(kms, change);
  const prefix = sidPrefix(account.tenant.name, integration);
  return live.Statement.some(({ Sid }) => Sid?.startsWith(prefix)) ? (prior ?? text) : text;
}

/**
 * Removes this integration's statements from the key's policy. If nobody else changed the policy since, it is then byte for byte what it
 * was.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
async function takeKeyStatementsAway(work: Work, { existingKeyArn }: Inputs, prior?: string): Promise<void> {
  const { account, run, integration } = work;
  const { kms } = account.clients;
  const live = readDocument(await readKeyPolicyText(kms, existingKeyArn));
  const change = withoutOwnStatements(existingKeyArn, live, { tenant: account.tenant, integration }, prior);
  if (change === undefined) return;
  await run.progress("key-policy-read", { key: existingKeyArn, prior: live });
  await putKeyPolicy(kms, change);
}

function grantDifferences({ existingKeyArn, grants, statements = [] }: Inputs, live: LiveDocuments): StackDifference[] {
  const key = live.keys.find(({ arn }) => arn === existingKeyArn);
  if (!key) return [{ document: "key", what: "missing", words: `Key ${existingKeyArn} doesn't exist, or can't be seen.` }];
  const lost = grants.filter((grant) => {
    const wanted = canonicalJson([...grant.operations].sort());
    return !key.grants.some(
      (one) => one.granteePrincipal === grant.granteePrincipal && canonicalJson([...one.operations].sort()) === wanted,
    );
  });
  const grantees = new Set(grants.map(({ granteePrincipal }) => granteePrincipal));
  const more = key.grants.filter((one) => grantees.has(one.granteePrincipal)).length > grants.length - lost.length;
  const alone = (statement: Statement) => ({ Version: "2012-10-17", Statement: [statement] });
  const taken = statements.filter((wanted) => !key.policy.Statement.some((one) => sameDocument(alone(one), alone(wanted))));
  return [
    ...keyStateDifferences(key),
    ...taken.map(
      ({ Sid }): StackDifference => ({
        document: "key-policy",
        what: "removed",
        words: `Statement ${Sid} isn't in the policy of key ${existingKeyArn} as we put it there.`,
        expected: Sid,
      }),
    ),
    ...lost.map(
      (grant): StackDifference => ({
        document: "grants",
        what: "removed",
        words: `Grant ${grant.name} on key ${existingKeyArn} is gone.`,
        expected: grant,
      }),
    ),
    ...(more
      ? [{ document: "grants", what: "added" as const, words: `The role has a grant on key ${existingKeyArn} that we didn't give.` }]
      : []),
  ];
}
