/** The port that the demo's service listens on. */
import { createServer } from "node:net";

/**
 * `DRAWBRIDGE_PORT`; 0, which means any free port, where it isn't set.
 *
 * @throws Error when it is no port
 */
export function readPort(text = ""): number {
  const port = Number(text);
  if (/^\d*$/.test(text) && port <= 65_535) return port;
  throw new Error("DRAWBRIDGE_PORT is a port: a whole number from 0 to 65535.");
}

/** What somebody reads whose port is taken. */
export const portTaken = (port: number): string =>
  `Another process listens on port ${port} of 127.0.0.1. Stop it, or choose another DRAWBRIDGE_PORT.`;

/**
 * Tries the port for a moment, before anything is started that would have to be stopped again.
 *
 * @throws Error in one sentence when nobody can listen there
 */
export async function needFreePort(port: number): Promise<void> {
  const server = createServer();
  const code = await new Promise<string | undefined>((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(undefined)));
  });
  if (code === undefined) return;
  if (code === "EADDRINUSE") throw new Error(portTaken(port));
  throw new Error(`Nobody can listen on port ${port} of 127.0.0.1 (${code}). Choose another DRAWBRIDGE_PORT.`);
}
