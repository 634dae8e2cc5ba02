/** The proof: judges what AWS really holds against the contract. No operation succeeds without it. */
import { setTimeout as sleep } from "node:timers/promises";
import { resolveReferences } from "../../stacks/references.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import { closeTrust } from "../accounts/actions.ts";
import { carriesOwner, type Owner, ownedRole } from "../accounts/inventory.ts";
import { readBucket, readKey, readRole } from "../accounts/live-documents.ts";
import type { Expectations } from "../blueprints/parts/blueprint.ts";
import type { AccessContract, Proof } from "../iam/contract/contract.ts";
import { judge } from "../iam/contract/judge.ts";
import type { LiveBucket, LiveDocuments, LiveRole } from "../iam/words/live.ts";
import { ProblemError } from "../problem.ts";
import type { Account } from "./account.ts";
import { rulesOf } from "./stacks/kinds.ts";
import type { Work } from "./work.ts";

const SETTLE_MILLISECONDS = 60_000;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 4_000;

/** Buckets that were read or are being read. Integrations of one account often share one. */
export type BucketReads = Map<string, Promise<LiveBucket | undefined>>;

/** Reads every document that decides about the contract's roles, buckets and keys, side by side. */
export async function readLive(
  account: Account,
  contract: AccessContract,
  expectations: Expectations,
  seen: BucketReads = new Map(),
): Promise<LiveDocuments> {
  const { clients, tenant } = account;
  const roleNames = contract.roles.map((role) => role.roleArn.split("/").at(-1) ?? "");
  const named = [...expectations.keyArns, ...(contract.ownedKeys ?? [])];
  const ownKeys = [...new Set(named)].filter((arn) => arn.split(":")[4] === tenant.accountId);
  const bucketOnce = (name: string) => {
    const read = seen.get(name) ?? readBucket(clients.s3, name, tenant.accountId, tenant.region);
    seen.set(name, read);
    return read;
  };
  const [roles, buckets, keys] = await Promise.all([
    Promise.all(roleNames.map((name) => readRole(clients.iam, name))),
    Promise.all(expectations.buckets.map(bucketOnce)),
    Promise.all(ownKeys.map((arn) => readKey(clients.kms, arn))),
  ]);
  const there = <T>(one: T | undefined): one is T => one !== undefined;
  return { roles: roles.filter(there), buckets: buckets.filter(there), keys: keys.filter(there) };
}

/** Whether everything that was written can be read back; IAM and S3 settings are eventually consistent. */
export function settled(live: LiveDocuments, specs: readonly StackSpec[]): boolean {
  return specs.every((spec) => rulesOf(spec).isSettled(live));
}

interface ProveOptions {
  account: Account;
  integration: string;
  /** references resolved */
  contract: AccessContract;
  expectations: Expectations;
  /** as applied, references resolved */
  specs: readonly StackSpec[];
  now: () => string;
  signal: AbortSignal;
  /** Whether something was just written. AWS may not show it yet. */
  written: boolean;
}

/**
 * Refuses to judge a role that has the contract's role name and isn't the integration's. Its documents belong to somebody else, and closing
 * it would do harm. Pure.
 *
 * @throws ProblemError role_name_taken
 */
export function refuseForeignRoles(roles: readonly LiveRole[], owner: Owner): void {
  const foreign = roles.find(({ tags }) => !carriesOwner(tags, owner));
  if (!foreign) return;
  throw new ProblemError(
    "role_name_taken",
    `Role ${foreign.name} isn't this integration's by its tags (drawbridge:tenant, drawbridge:integration). Nothing of it was read or changed. If it is yours, put the tags back; else choose another roleName.`,
  );
}

/**
 * After a write, waits until AWS shows what was written (60 s at most), then judges. What doesn't settle is judged as it is: a lasting
 * difference is a finding, not a reason to wait.
 *
 * @throws ProblemError role_name_taken; aws_denied, aws_throttled, aws_rejected when the documents can't be read
 */
export async function prove(options: ProveOptions): Promise<Proof> {
  const { account, integration, contract, expectations, specs, now, signal, written } = options;
  const owner = { tenant: account.tenant, integration };
  const end = Date.now() + (written ? SETTLE_MILLISECONDS : 0);
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    const live = await readLive(account, contract, expectations);
    const isOurs = live.roles.every(({ tags }) => carriesOwner(tags, owner));
    if ((isOurs && settled(live, specs)) || Date.now() + pause > end) {
      refuseForeignRoles(live.roles, owner);
      return judge(contract, live, now());
    }
    await sleep(pause, undefined, { signal });
  }
}

/** The red rows that mean access beyond the contract. */
export function widerThanContract(proof: Proof): Proof["rows"] {
  return proof.rows.filter((row) => row.verdict === "red" && row.expect === "deny");
}

/**
 * Turns a red proof into the operation's failure. If there is access beyond the contract, it closes the trust first, at once. Missing
 * access harms nobody, so then the trust stays open.
 *
 * @throws ProblemError proof_failed_contained, proof_failed
 */
export async function refuseRed(
  { account, integration }: Pick<Work, "account" | "integration">,
  contract: AccessContract,
  proof: Proof,
): Promise<void> {
  if (proof.verdict === "green") return;
  const wider = widerThanContract(proof);
  const red = proof.rows.filter((row) => row.verdict === "red").map((row) => row.id);
  const named = `${red.slice(0, 5).join(", ")}${red.length > 5 ? ` and ${red.length - 5} more` : ""}`;
  if (wider.length === 0) {
    throw new ProblemError(
      "proof_failed",
      `The vendor can't do all that it should: ${named}. GET the integration's proof for the deciding statements.`,
    );
  }
  const { iam } = account.clients;
  const names = contract.roles.map((role) => role.roleArn.split("/").at(-1) ?? "");
  const roles = await Promise.all(names.map((name) => ownedRole(iam, name, { tenant: account.tenant, integration })));
  await Promise.all(roles.map((role) => role && closeTrust(iam, role)));
  throw new ProblemError(
    "proof_failed_contained",
    `More is allowed than the contract says: ${named}. The trust was closed. GET the integration's proof for the deciding statements, remove them, and PUT again.`,
  );
}

/** Specs or a contract, with each reference replaced by the output that it names. */
export function withOutputs<T>(value: T, outputs: ReadonlyMap<string, Record<string, unknown>>): T {
  return resolveReferences(value, (ref) => outputs.get(`${ref.kind}/${ref.key}`)?.[ref.output]);
}
