/** What an account holds that we didn't make, and what we made that it no longer holds, in words and as data. Pure. */
import type { StackSpec } from "../../stacks/stack.ts";
import type { Expectations } from "../blueprints/parts/blueprint.ts";
import type { LiveDocuments } from "../iam/words/live.ts";
import { rulesOf } from "../integrations/stacks/kinds.ts";
import { stackId } from "../integrations/work.ts";
import type { Difference } from "../model/drift.ts";

export interface Expected {
  /** As recorded, references resolved */
  specs: readonly StackSpec[];
  outputs: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** The prefix of our own Sids in shared documents */
  sidPrefix: string;
  encryption: Expectations["encryption"];
}

/** Every difference, in the order of the stacks. Other people's statements in shared documents aren't differences. */
export function differencesOf(expected: Expected, live: LiveDocuments): Difference[] {
  const stacks = expected.specs.flatMap((spec) => {
    const stack = stackId(spec);
    const found = rulesOf(spec).differences(expected.outputs.get(stack), expected.sidPrefix, live);
    return found.map((one) => ({ stack, ...one }));
  });
  return [...stacks, ...encryptionDifferences(expected.encryption, live)];
}

/** Differences that would have stopped an update. A mismatch that causes only a warning may have existed from the start. */
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
