import type pg from "pg";

/** Each prepared statement keeps its plan in the memory of each connection, as long as the connection lasts. */
const mostStatements = 300;
/** An insert of several rows has another text for each number of rows, so statements with more values aren't prepared. */
const mostValues = 30;

/**
 * Whether the columns of the result depend on the table (`select *` and the like). PostgreSQL refuses a prepared statement whose result has
 * got other columns ("cached plan must not change result type"), and another replica may bring a newer schema while this one runs. So such
 * a statement isn't prepared. The text in parentheses doesn't count, unless everything is in parentheses.
 */
function followsTheTable(text: string): boolean {
  const outer = text.replace(innermost, "");
  return outer === text ? /(?:\b(?:select|returning|distinct)|[,.])\s*\*|\btable\b|^\s*(?:union\b|$)/i.test(text) : followsTheTable(outer);
}
const innermost = /\([^()]*\)/g;

/** The name of the prepared statement; undefined if it isn't prepared. */
type NameOf = (text: string, values: readonly unknown[]) => string | undefined;

/** Gives a name to each of the first `most` statements with values, and the same name to the same text. */
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
 * Makes the pool's connections parse and plan a statement once instead of each time. That was more than half of the database's own work
 * ([PREPARE](https://www.postgresql.org/docs/current/sql-prepare.html)). A value that node-postgres can't serialise would leave the
 * statement unusable on its connection, so values are text, numbers, booleans, nulls, dates and lists of text.
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
