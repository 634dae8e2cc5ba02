import { ProblemError } from "../../problem.ts";

/** One page of a list. `nextCursor` is null on the last page. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** The page of `rows`. The query reads one row more than `limit`, so that the last page is known. `keyOf` gives the cursor's key. */
export function pageOf<Row, T>(rows: Row[], limit: number, keyOf: (row: Row) => string, itemOf: (row: Row) => T): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  if (rows.length <= limit || last === undefined) return { items: items.map(itemOf), nextCursor: null };
  return { items: items.map(itemOf), nextCursor: Buffer.from(keyOf(last)).toString("base64url") };
}

/** The key inside a cursor that `pageOf` made. @throws ProblemError invalid_request when the key doesn't match `shape` */
export function keyOfCursor(cursor: string, shape: RegExp): string {
  const key = Buffer.from(cursor, "base64url").toString("utf8");
  if (shape.test(key)) return key;
  throw new ProblemError("invalid_request", "This cursor isn't one of ours: take nextCursor of the page before, unchanged.");
}

/** The part of a query over a table with `name` and `record` that paging by name needs. */
interface NamedQuery<T> {
  where(column: "name", operator: ">", value: string): NamedQuery<T>;
  orderBy(column: "name"): NamedQuery<T>;
  limit(limit: number): NamedQuery<T>;
  execute(): Promise<{ name: string; record: T }[]>;
}

/** One page of records by name. @throws ProblemError invalid_request for a cursor that isn't ours */
export async function pageByName<T>(
  query: NamedQuery<T>,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<Page<T>> {
  const from = cursor === undefined ? query : query.where("name", ">", keyOfCursor(cursor, /^[^\0]{1,256}$/));
  const rows = await from
    .orderBy("name")
    .limit(limit + 1)
    .execute();
  return pageOf(
    rows,
    limit,
    ({ name }) => name,
    ({ record }) => record,
  );
}
