import type pg from "pg";

/** Each keeps its plan in memory on each connection, for as long as that lasts. A list of values makes a text per length. */
const mostStatements = 300;

/**
 * PostgreSQL refuses a prepared statement whose columns have become others ("cached plan must not change result type"). So one that takes
 * whatever columns there are isn't prepared: another replica may bring a newer schema while this one runs.
 */
const followsTheTable = /(?:select |returning |\.)\*/i;

/** The name that a statement is prepared under; undefined when it isn't worth one. */
export type NameOf = (text: string, values: readonly unknown[]) => string | undefined;

/** Names statements with values, the same one the same way; no more than `most` of them. */
export function statementNames(most = mostStatements): NameOf {
  const names = new Map<string, string>();
  return (text, values) => {
    const known = names.get(text);
    if (known !== undefined || names.size >= most || values.length === 0 || followsTheTable.test(text)) return known;
    const name = `drawbridge_${names.size + 1}`;
    names.set(text, name);
    return name;
  };
}

/**
 * Has the pool's connections parse and plan a statement once instead of each time, which was more than half of the database's own work
 * ([PREPARE](https://www.postgresql.org/docs/current/sql-prepare.html)).
 */
export function prepareStatements(pool: pg.Pool): void {
  const nameOf = statementNames();
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...given: unknown[]) => unknown;
    const prepared = (...given: unknown[]) => {
      const [text, values, ...rest] = given;
      const name = typeof text === "string" && Array.isArray(values) ? nameOf(text, values) : undefined;
      return name === undefined ? query(...given) : query({ name, text, values }, ...rest);
    };
    client.query = prepared as typeof client.query;
  });
}
