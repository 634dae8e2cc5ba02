/** Key policies of keys that aren't ours: our statements put in and taken out beside Pulumi, everybody else's kept as they stand. */
import type { KmsGrantsInputs } from "../../../stacks/stack.ts";
import { putKeyPolicy } from "../../accounts/actions.ts";
import { readKeyPolicyText } from "../../accounts/live-documents.ts";
import { mergeStatements, unmergeStatements } from "../../iam/words/merge.ts";
import { documentLimits, documentSize, readDocument, sameDocument } from "../../iam/words/policy-document.ts";
import { sidPrefix } from "../../iam/words/sid.ts";
import { ProblemError } from "../../problem.ts";
import { refuseStalePrincipals } from "../preflight.ts";
import type { Work } from "../work.ts";

/**
 * Makes this integration's statements in the key's policy the wanted ones. Answers the policy's text as it was before the first of
 * them, to be put back word for word. It also stands in an event: AWS offers no compare-and-swap.
 *
 * @throws ProblemError stale_principal, policy_too_large, aws_denied, aws_throttled, aws_rejected
 */
export async function giveStatements(work: Work, { existingKeyArn, statements = [] }: KmsGrantsInputs, prior?: string): Promise<string> {
  const { account, run, integration } = work;
  const { kms } = account.clients;
  const prefix = sidPrefix(account.tenant.name, integration);
  const text = await readKeyPolicyText(kms, existingKeyArn);
  const live = readDocument(text);
  await run.progress("key-policy-read", { key: existingKeyArn, prior: live });
  refuseStalePrincipals(`The policy of key ${existingKeyArn}`, live);
  const merged = mergeStatements(live, prefix, statements);
  const size = documentSize(merged);
  if (size > documentLimits.key) {
    throw new ProblemError(
      "policy_too_large",
      `The policy of key ${existingKeyArn} would have ${size} bytes; KMS takes ${documentLimits.key}.`,
    );
  }
  if (!sameDocument(merged, live)) await putKeyPolicy(kms, existingKeyArn, JSON.stringify(merged));
  return live.Statement.some(({ Sid }) => Sid?.startsWith(prefix)) ? (prior ?? text) : text;
}

/**
 * Takes this integration's statements out of the key's policy. Where nobody else changed it since, it is then what it was, to the byte.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function takeKeyStatementsAway(work: Work, { existingKeyArn }: KmsGrantsInputs, prior?: string): Promise<void> {
  const { account, run, integration } = work;
  const { kms } = account.clients;
  const live = readDocument(await readKeyPolicyText(kms, existingKeyArn));
  const rest = unmergeStatements(live, sidPrefix(account.tenant.name, integration));
  // A key always has a policy of its owner's; one of our statements alone can't be, because a grant of ours lets nobody administer it.
  if (rest === undefined || sameDocument(rest, live)) return;
  await run.progress("key-policy-read", { key: existingKeyArn, prior: live });
  const isAsBefore = prior !== undefined && sameDocument(readDocument(prior), rest);
  await putKeyPolicy(kms, existingKeyArn, isAsBefore ? prior : JSON.stringify(rest));
}
