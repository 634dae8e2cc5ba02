import { type RawBuilder, sql } from "kysely";

/**
 * For `where(column, "=", …)`: matches one of these. The SQL text is the same for lists of every length, so it is prepared once
 * (prepared.ts).
 */
export const anyOf = (values: readonly string[]): RawBuilder<string> => sql<string>`any(${[...values]})`;
