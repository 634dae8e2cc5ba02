import pg from "pg";

export type Pool = pg.Pool;

/** A small pool of its own, for a library that uses PostgreSQL directly. */
export function openPool(databaseUrl: string, { max, name }: { max: number; name: string }): Pool {
  const pool = new pg.Pool({ connectionString: databaseUrl, max, connectionTimeoutMillis: 10_000, application_name: name });
  pool.on("error", () => undefined); // the next use replaces a lost idle connection
  return pool;
}
