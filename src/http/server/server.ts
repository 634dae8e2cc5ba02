/** Listens on sockets, with limits on the resources that one slow or greedy client can use. */
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Express } from "express";
import { readTls, type TlsFiles } from "./tls.ts";

const limits = {
  /** milliseconds for a request's headers */
  headersTimeout: 10_000,
  /** milliseconds for a whole request, body included */
  requestTimeout: 30_000,
  /** milliseconds between two requests of a connection */
  keepAliveTimeout: 5_000,
  /** milliseconds between two checks of the time-outs above */
  connectionsCheckingInterval: 2_000,
  /** bytes of all headers */
  maxHeaderSize: 16 * 1024,
};
/** milliseconds for a TLS handshake */
const handshakeTimeout = 10_000;
const maxConnections = 5_000;
const maxRequestsPerSocket = 1_000;

export interface Listening {
  /** `http://127.0.0.1:8080`, or https with TLS */
  url: string;
  /**
   * Reads the TLS files again. New connections then use the new content. Returns whether the content has changed.
   *
   * @throws Error when they can't be used; then the old ones stay in use
   */
  reloadTls(): Promise<boolean>;
  /** Accepts no more connections, ends event streams, waits up to `graceMs` for running requests, then closes their connections. */
  close(graceMs: number): Promise<void>;
}

/**
 * Starts a server for an app.
 *
 * @param where.port 0 for any free port
 * @param where.tls without it the server uses plain HTTP
 * @throws Error of node:net, such as EADDRINUSE, or of tls.ts
 */
export async function listen(app: Express, where: { host: string; port: number; tls?: TlsFiles }): Promise<Listening> {
  const closing = new AbortController();
  app.set("closing", closing.signal);
  const { server, reloadTls } = where.tls ? await secureServer(app, where.tls) : plainServer(app);
  server.maxConnections = maxConnections;
  server.maxRequestsPerSocket = maxRequestsPerSocket;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(where.port, where.host, resolve);
  });
  return {
    url: `${where.tls ? "https" : "http"}://${hostOf(server.address() as AddressInfo)}`,
    reloadTls,
    close: async (graceMs) => {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that was busy stays open for another request, and there must be none
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(cut);
    },
  };
}

function plainServer(app: Express) {
  return { server: createServer(limits, app), reloadTls: async () => false };
}

async function secureServer(app: Express, files: TlsFiles) {
  const first = await readTls(files);
  let { digest } = first;
  const server = createTlsServer({ ...limits, ...first.options, handshakeTimeout }, app);
  const reloadTls = async () => {
    const read = await readTls(files);
    if (read.digest === digest) return false;
    server.setSecureContext(read.options);
    digest = read.digest;
    return true;
  };
  return { server, reloadTls };
}

function hostOf({ family, address, port }: AddressInfo): string {
  return `${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
