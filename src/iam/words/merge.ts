/**
 * Documents that several parties write in: a bucket has one policy, and other people own statements in it. Ours are those whose
 * Sid begins with the owner's prefix (sid.ts); everybody else's are kept word for word and in order.
 */
import { ProblemError } from "../../problem.ts";
import type { PolicyDocument, Statement } from "./policy-document.ts";

const isOf = (owner: string, statement: Statement): boolean => statement.Sid?.startsWith(owner) ?? false;

/**
 * The live document with the owner's statements put in: one that is there under the same Sid is replaced in its place, one that
 * isn't wanted any more goes, new ones come last. An absent document becomes one of ours alone. `owner` is a Sid prefix.
 *
 * @throws ProblemError guardrail when a statement doesn't carry the owner's prefix, because it could never be taken out again
 */
export function mergeStatements(live: PolicyDocument | undefined, owner: string, statements: readonly Statement[]): PolicyDocument {
  const stray = statements.find((statement) => owner === "" || !isOf(owner, statement));
  if (stray !== undefined)
    throw new ProblemError(
      "guardrail",
      `The statement ${stray.Sid ?? "without a Sid"} doesn't begin with ${owner}, so it couldn't be taken out again.`,
    );
  const wanted = new Map(statements.map((statement) => [statement.Sid, statement]));
  const kept = (live?.Statement ?? []).flatMap((statement) => {
    if (!isOf(owner, statement)) return [statement];
    const replacement = wanted.get(statement.Sid);
    wanted.delete(statement.Sid);
    return replacement === undefined ? [] : [replacement];
  });
  return { Version: "2012-10-17", ...live, Statement: [...kept, ...wanted.values()] };
}

/** The live document without the owner's statements; undefined when nothing of anybody else is left, so that the policy is to be deleted. */
export function unmergeStatements(live: PolicyDocument | undefined, owner: string): PolicyDocument | undefined {
  if (live === undefined) return;
  const foreign = live.Statement.filter((statement) => owner === "" || !isOf(owner, statement));
  return foreign.length === 0 ? undefined : { ...live, Statement: foreign };
}
