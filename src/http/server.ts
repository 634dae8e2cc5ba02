/** Sockets: what one slow or greedy client can cost is bounded here. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Express } from "express";

const limits = {
  /** milliseconds for a request's headers */
  headersTimeout: 10_000,
  /** milliseconds for a whole request, body included */
  requestTimeout: 30_000,
  /** milliseconds between two requests of a connection */
  keepAliveTimeout: 5_000,
  /** milliseconds between two looks at the time-outs above */
  connectionsCheckingInterval: 2_000,
  /** bytes of all headers */
  maxHeaderSize: 16 * 1024,
};
const maxConnections = 5_000;
const maxRequestsPerSocket = 1_000;

export interface Listening {
  /** `http://127.0.0.1:8080` */
  url: string;
  /** Takes no more connections, ends event streams, waits for running requests up to `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

/**
 * Listens with an app.
 *
 * @param where.port 0 for any free one
 * @throws Error of node:net, such as EADDRINUSE
 */
export async function listen(app: Express, where: { host: string; port: number }): Promise<Listening> {
  const closing = new AbortController();
  app.set("closing", closing.signal);
  const server = createServer(limits, app);
  server.maxConnections = maxConnections;
  server.maxRequestsPerSocket = maxRequestsPerSocket;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(where.port, where.host, resolve);
  });
  return {
    url: urlOf(server.address() as AddressInfo),
    close: async (graceMs) => {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that was busy stays open for its next request, which must not come
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(cut);
    },
  };
}

function urlOf(address: AddressInfo): string {
  return `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
}
