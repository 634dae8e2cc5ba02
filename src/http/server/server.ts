/** Sockets, with limits on what one slow or greedy client can cost. */
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
  /** milliseconds between two looks at the time-outs above */
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
   * Reads the files of TLS again; connections from now on get what they hold. Answers whether that is something new.
   *
   * @throws Error when they can't be used: then the old ones stay in force
   */
  reloadTls(): Promise<boolean>;
  /** Takes no more connections, ends event streams, waits for running requests up to `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

/**
 * Listens with an app.
 *
 * @param where.port 0 for any free one
 * @param where.tls without it HTTP is spoken in the clear
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
      // A connection that was busy stays open for its next request, which must not come
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
