import { type RawBuilder, sql } from "kysely";

/** For `where(column, "=", …)`: one of these. One text for lists of every length, so that it is prepared once (prepared.ts). */
export const anyOf = (values: readonly string[]): RawBuilder<string> => sql<string>`any(${[...values]})`;
