import type pg from "pg";

/** Each keeps its plan in memory on each connection, for as long as that lasts. A list of values makes a text per length. */
const mostStatements = 300;

/**
 * PostgreSQL refuses a prepared statement whose result has got other columns ("cached plan must not change result type"). So one that gives
 * whatever columns there are isn't prepared: another replica may bring a newer schema while this one runs. A star inside of parentheses
 * gives nothing itself.
 */
function followsTheTable(text: string): boolean {
  const outer = text.replace(innermost, "");
  return outer === text ? /(?:select |returning |\.)\*/i.test(text) : followsTheTable(outer);
}
const innermost = /\([^()]*\)/g;

/** The name that a statement is prepared under; undefined when it isn't. */
export type NameOf = (text: string, values: readonly unknown[]) => string | undefined;

/** Names statements with values, the same one the same way; the first `most` of them that come. */
export function statementNames(most = mostStatements): NameOf {
  const names = new Map<string, string | undefined>();
  return (text, values) => {
    if (!names.has(text) && names.size < most && values.length > 0) {
      names.set(text, followsTheTable(text) ? undefined : `drawbridge_${names.size + 1}`);
    }
    return names.get(text);
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
