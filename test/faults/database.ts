/** A PostgreSQL database for one campaign: on the server in DATABASE_URL, otherwise on a server started for the campaign. */
import { openPostgres } from "../store/backends.ts";
import { startPostgres } from "../support/postgres.ts";

export interface CampaignDatabase {
  url: string;
  remove(): Promise<void>;
}

/** Throws if no PostgreSQL is installed: these counts mean nothing on another database. */
export async function openDatabase(): Promise<CampaignDatabase> {
  const started = process.env["DATABASE_URL"] === undefined ? await startPostgres() : undefined;
  const server = process.env["DATABASE_URL"] ?? started?.url;
  if (server === undefined) throw new Error("This campaign needs PostgreSQL.");
  const { store, remove } = await openPostgres(server);
  return {
    url: store.databaseUrl ?? "",
    async remove() {
      await remove();
      await started?.stop();
    },
  };
}
