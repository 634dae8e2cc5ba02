import { ProblemError } from "../problem.ts";

/** One page of a list; `nextCursor` is null on the last one. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** The page of `rows` (read with one more than `limit`, so that the last page is known) whose key is `keyOf(row)`. */
export function pageOf<Row, T>(rows: Row[], limit: number, keyOf: (row: Row) => string, itemOf: (row: Row) => T): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  if (rows.length <= limit || last === undefined) return { items: items.map(itemOf), nextCursor: null };
  return { items: items.map(itemOf), nextCursor: Buffer.from(keyOf(last)).toString("base64url") };
}

/** The key inside a cursor that `pageOf` made. `invalid_request` when it fits no such key (`shape`). */
export function keyOfCursor(cursor: string, shape: RegExp): string {
  const key = Buffer.from(cursor, "base64url").toString("utf8");
  if (shape.test(key)) return key;
  throw new ProblemError("invalid_request", "This cursor isn't one of ours: take nextCursor of the page before, unchanged.");
}
