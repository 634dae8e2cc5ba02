/** What an account holds that we didn't make, and what we made that it no longer holds, in words and as data. Pure. */
import type { BucketPolicyInputs, KmsGrantsInputs, KmsKeyInputs, RoleInputs, StackSpec } from "../../stacks/stack.ts";
import type { Expectations } from "../blueprints/parts/blueprint.ts";
import type { LiveDocuments, LiveKey, LiveRole } from "../iam/words/live.ts";
import { canonicalJson, type Statement, sameDocument } from "../iam/words/policy-document.ts";
import { maskStatement } from "../integrations/document-diff.ts";
import type { Difference } from "../model/drift.ts";
import { documentDifferences, type Found } from "./statement-differences.ts";

/** What programs/role.ts gives every role. */
const SESSION_SECONDS = 3_600;

export interface Expected {
  /** As recorded, references resolved */
  specs: readonly StackSpec[];
  outputs: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** What our own Sids begin with in shared documents */
  sidPrefix: string;
  encryption: Expectations["encryption"];
}

/** Every difference, in the order of the stacks. Statements of other people in shared documents are none. */
export function differencesOf(expected: Expected, live: LiveDocuments): Difference[] {
  const stacks = expected.specs.flatMap((spec) => {
    const stack = `${spec.kind}/${spec.key}`;
    return differencesOfStack(spec, expected, live).map((found) => ({ stack, ...found }));
  });
  return [...stacks, ...encryptionDifferences(expected.encryption, live)];
}

function differencesOfStack(spec: StackSpec, { outputs, sidPrefix }: Expected, live: LiveDocuments): Found[] {
  if (spec.kind === "role") {
    const madeAs = outputs.get(`${spec.kind}/${spec.key}`)?.["roleId"];
    return roleDifferences(spec.inputs, madeAs, live);
  }
  if (spec.kind === "bucket-policy") return bucketDifferences(spec.inputs, sidPrefix, live);
  if (spec.kind !== "kms-key") return [];
  if ("existingKeyArn" in spec.inputs) return grantDifferences(spec.inputs, live);
  const keyArn = String(outputs.get(`${spec.kind}/${spec.key}`)?.["keyArn"] ?? "");
  return keyDifferences(spec.inputs, keyArn, live);
}

function roleDifferences(wanted: RoleInputs, madeAs: unknown, { roles }: LiveDocuments): Found[] {
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

/** A role of the same name made again isn't the same principal: policies that named the old one don't mean it (IAM user guide, "Unique identifiers"). */
function againDifferences({ name, roleId }: LiveRole, madeAs: unknown): Found[] {
  if (typeof madeAs !== "string" || madeAs === roleId) return [];
  const words = `Role ${name} was deleted and made again: a policy elsewhere that named it doesn't mean the new one.`;
  return [{ document: "role", what: "changed", words, expected: madeAs, found: roleId }];
}

function inlineDifferences(wanted: RoleInputs, live: LiveRole): Found[] {
  const expected = new Map(wanted.inlinePolicies.map(({ name, document }) => [name, document]));
  const found = new Map(live.inline.map(({ name, document }) => [name, document]));
  const names = [...new Set([...expected.keys(), ...found.keys()])];
  return names.flatMap((name): Found[] => {
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

function attachedDifferences(wanted: RoleInputs, live: LiveRole): Found[] {
  const found = live.attached.map(({ name }) => name);
  return [
    ...found
      .filter((arn) => !wanted.managedPolicyArns.includes(arn))
      .map((arn): Found => ({ document: "attached", what: "added", words: `Managed policy ${arn} was attached.`, found: arn })),
    ...wanted.managedPolicyArns
      .filter((arn) => !found.includes(arn))
      .map((arn): Found => ({ document: "attached", what: "removed", words: `Managed policy ${arn} was detached.`, expected: arn })),
  ];
}

function settingDifferences(wanted: RoleInputs, live: LiveRole): Found[] {
  const boundary = live.boundary?.name;
  const differences: Found[] = [];
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

/** Tags that others put beside ours are theirs. */
function tagDifferences(wanted: Record<string, string>, live: Record<string, string>): Found[] {
  return Object.entries(wanted).flatMap(([key, value]): Found[] => {
    if (live[key] === value) return [];
    const what = live[key] === undefined ? "removed" : "changed";
    return [{ document: "tags", what, words: `Tag ${key} was ${what}.`, expected: value, found: live[key] ?? null }];
  });
}

/** Only statements that carry our Sid are ours to judge in a document that others share. */
function bucketDifferences({ bucket, policy }: BucketPolicyInputs, sidPrefix: string, live: LiveDocuments): Found[] {
  const found = live.buckets.find(({ name }) => name === bucket);
  if (!found) return [{ document: "bucket-policy", what: "missing", words: `Bucket ${bucket} doesn't exist, or isn't the account's own.` }];
  const ours = (found.policy?.Statement ?? []).filter((statement) => statement.Sid?.startsWith(sidPrefix) === true);
  return documentDifferences("bucket-policy", `the policy of bucket ${bucket}`, policy, { Version: policy.Version, Statement: ours });
}

function keyDifferences({ policy, encryptBucket, alias, tags }: KmsKeyInputs, keyArn: string, live: LiveDocuments): Found[] {
  const key = live.keys.find(({ arn }) => arn === keyArn);
  if (!key) return [{ document: "key", what: "missing", words: `Key ${keyArn} doesn't exist.` }];
  const bucket = encryptBucket === undefined ? undefined : live.buckets.find(({ name }) => name === encryptBucket);
  const differences = [
    ...stateDifferences(key),
    ...documentDifferences("key-policy", "the key's policy", policy, key.policy),
    ...tagDifferences(tags, key.tags),
  ];
  if (key.aliases && !key.aliases.includes(alias)) {
    const words = `${alias} doesn't lead to key ${keyArn} any more.`;
    differences.push({ document: "alias", what: "removed", words, expected: alias, found: key.aliases });
  }
  if (key.rotated === false) {
    const words = `Key ${keyArn} isn't rotated any more.`;
    differences.push({ document: "rotation", what: "changed", words, expected: true, found: false });
  }
  if (bucket && bucket.encryption?.kmsKeyArn !== keyArn) {
    const words = `Bucket ${bucket.name} isn't encrypted with this key by default any more.`;
    differences.push({ document: "encryption", what: "changed", words, expected: keyArn, found: bucket.encryption ?? null });
  }
  return differences;
}

function stateDifferences(key: LiveKey): Found[] {
  if (key.state === "Enabled") return [];
  return [{ document: "key", what: "changed", words: `Key ${key.arn} is ${key.state}.`, expected: "Enabled", found: key.state }];
}

function grantDifferences({ existingKeyArn, grants, statements = [] }: KmsGrantsInputs, live: LiveDocuments): Found[] {
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
    ...stateDifferences(key),
    ...taken.map(
      ({ Sid }): Found => ({
        document: "key-policy",
        what: "removed",
        words: `Statement ${Sid} isn't in the policy of key ${existingKeyArn} as we put it there.`,
        expected: Sid,
      }),
    ),
    ...lost.map(
      (grant): Found => ({
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

/** What would have stopped an update; a mismatch that is only worth a warning may have been there from the start. */
function encryptionDifferences(expected: Expectations["encryption"], live: LiveDocuments): Difference[] {
  return expected.flatMap(({ bucket, algorithm, kmsKeyArn, mismatch }): Difference[] => {
    if (mismatch === "warning") return [];
    const found = live.buckets.find(({ name }) => name === bucket)?.encryption;
    if (found?.algorithm === algorithm && (kmsKeyArn === undefined || found.kmsKeyArn === kmsKeyArn)) return [];
    const words = `Bucket ${bucket} is encrypted by ${found?.algorithm ?? "nothing"} by default instead of ${algorithm}${kmsKeyArn ? ` with ${kmsKeyArn}` : ""}.`;
    const wanted = { algorithm, ...(kmsKeyArn && { kmsKeyArn }) };
    return [{ stack: `bucket/${bucket}`, document: "encryption", what: "changed", words, expected: wanted, found: found ?? null }];
  });
}
