import type pg from "pg";

/** Each keeps its plan in memory on each connection, for as long as that lasts. */
const mostStatements = 300;
/** Rows written together make a text for each number of rows. */
const mostValues = 30;

/**
 * PostgreSQL refuses a prepared statement whose result has got other columns ("cached plan must not change result type"). So one that gives
 * whatever columns there are isn't prepared: another replica may bring a newer schema while this one runs. What is in parentheses gives
 * nothing itself, unless all is.
 */
function followsTheTable(text: string): boolean {
  const outer = text.replace(innermost, "");
  return outer === text ? /(?:\b(?:select|returning|distinct)|[,.])\s*\*|\btable\b|^\s*(?:union\b|$)/i.test(text) : followsTheTable(outer);
}
const innermost = /\([^()]*\)/g;

/** The name that a statement is prepared under; undefined when it isn't. */
type NameOf = (text: string, values: readonly unknown[]) => string | undefined;

/** Names statements with values, the same one the same way; the first `most` of them that come. */
export function statementNames(most = mostStatements): NameOf {
  const names = new Map<string, string>();
  return (text, values) => {
    const known = names.get(text);
    if (known !== undefined || names.size >= most) return known;
    if (values.length === 0 || values.length > mostValues || followsTheTable(text)) return undefined;
    const name = `drawbridge_${names.size + 1}`;
    names.set(text, name);
    return name;
  };
}

/**
 * Has the pool's connections parse and plan a statement once instead of each time, which was more than half of the database's own work
 * ([PREPARE](https://www.postgresql.org/docs/current/sql-prepare.html)). A value that node-postgres can't serialise would leave the statement
 * unusable on its connection: values are text, numbers, booleans, nulls, dates and lists of text.
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
