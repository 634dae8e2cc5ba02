import pg from "pg";

export type Pool = pg.Pool;

/** A few connections of their own, for a library that speaks to PostgreSQL itself. */
export function openPool(databaseUrl: string, { max, name }: { max: number; name: string }): Pool {
  const pool = new pg.Pool({ connectionString: databaseUrl, max, connectionTimeoutMillis: 10_000, application_name: name });
  pool.on("error", () => undefined); // an idle connection that is lost is replaced at the next use
  return pool;
}
