/** The ports of the service: one for all routes, or one for callers and one for administrators. */
import type { Config } from "../config.ts";
import { routes, splitRoutes } from "../http/routes/routes.ts";
import type { Api } from "../http/server/api.ts";
import { createApp } from "../http/server/app.ts";
import { type Listening, listen } from "../http/server/server.ts";
import { faultFields, type Log } from "../log.ts";

export interface Listeners {
  /** URL of the listener for callers */
  url: string;
  /** URL of the listener for administrators */
  adminUrl?: string;
  /** Checks the TLS files now. If a reload fails, the old files stay in use and the log says so. */
  reloadTls(): Promise<void>;
  close(graceMs: number): Promise<void>;
}

type Where = Pick<Config, "host" | "port" | "tls" | "admin">;

/**
 * Opens the listeners and checks the TLS files every `lookSeconds`, so that a renewed certificate needs no restart.
 *
 * @throws Error when one can't be opened; then none stays open
 */
export async function openListeners(
  api: Api,
  { host, port, tls, admin }: Where,
  { log, lookSeconds }: { log: Log; lookSeconds: number },
): Promise<Listeners> {
  const split = admin ? splitRoutes(admin) : { main: routes, admin: [] };
  const secure = tls && { tls };
  const main = await listen(createApp(api, split.main), { host, port, ...secure });
  const all: Listening[] = [main];
  if (admin) {
    const { host: adminHost, port: adminPort } = admin;
    const opened = listen(createApp(api, split.admin), { host: adminHost, port: adminPort, ...secure });
    all.push(await opened.catch((error) => main.close(0).then(() => Promise.reject(error))));
  }
  const reloadTls = async () => {
    try {
      const changed = await Promise.all(all.map((one) => one.reloadTls()));
      if (changed.includes(true)) log.info("New connections use the new certificate");
    } catch (error) {
      log.error("The changed TLS files can't be used, so the old certificate stays", faultFields(error));
    }
  };
  const looking = tls && setInterval(() => void reloadTls(), lookSeconds * 1_000);
  looking?.unref();
  const [, second] = all;
  return {
    url: main.url,
    ...(second && { adminUrl: second.url }),
    reloadTls,
    close: async (graceMs) => {
      clearInterval(looking);
      await Promise.all(all.map((one) => one.close(graceMs)));
    },
  };
}
