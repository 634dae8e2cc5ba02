/** A PostgreSQL database for one campaign: on the server that DATABASE_URL names, else on one started for it. */
import { openPostgres } from "../store/backends.ts";
import { startPostgres } from "../support/postgres.ts";

export interface CampaignDatabase {
  url: string;
  remove(): Promise<void>;
}

/** Throws where no PostgreSQL is installed: these counts mean nothing on anything else. */
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
