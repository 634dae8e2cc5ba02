import { sql } from "kysely";
import type { Store } from "./store.ts";

/** Whether the store's database answers a query. */
export function doesStoreAnswer({ db }: Store): Promise<boolean> {
  return sql`select 1`.execute(db).then(
    () => true,
    () => false,
  );
}
