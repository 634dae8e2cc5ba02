/** Stands before the emulator, passes every request on as it is, and writes down what passed. Signatures stay valid: Host is kept. */
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import type { AddressInfo } from "node:net";

export interface Passed {
  /** GET, HEAD, PUT, COPY, LIST, DELETE of S3; the action of every other service */
  kind: string;
  /** epoch milliseconds */
  at: number;
  milliseconds: number;
  status: number;
  sent: number;
  received: number;
}

export interface CountingProxy {
  url: string;
  /** What passed since the last call. */
  take(): Passed[];
  stop(): Promise<void>;
}

/** Starts a proxy on a free port of 127.0.0.1. */
export async function startProxy(target: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  let passed: Passed[] = [];
  const server = createServer((incoming, outgoing) => {
    const at = Date.now();
    const started = performance.now();
    let body = "";
    let [sent, received] = [0, 0];
    incoming.on("data", (chunk: Buffer) => {
      sent += chunk.length;
      if (body.length < 4096) body += chunk.toString("latin1");
    });
    const onward = send({ agent, hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
      answer.on("end", () => {
        const milliseconds = performance.now() - started;
        passed.push({ kind: kindOf(incoming, body), at, milliseconds, status: answer.statusCode ?? 0, sent, received });
      });
      answer.pipe(outgoing);
    });
    onward.on("error", () => fail(outgoing));
    incoming.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = passed;
      passed = [];
      return taken;
    },
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function fail(outgoing: ServerResponse): void {
  if (!outgoing.headersSent) outgoing.writeHead(502);
  outgoing.end();
}

/** Query services name their action in the body, JSON services in a header, S3 in method and query. Pure. */
export function kindOf({ method = "", url = "", headers }: Pick<IncomingMessage, "method" | "url" | "headers">, body: string): string {
  const action = /(?:^|&)Action=(\w+)/.exec(body)?.[1] ?? /\.(\w+)$/.exec(String(headers["x-amz-target"] ?? ""))?.[1];
  if (action !== undefined) return action;
  if (headers["x-amz-copy-source"] !== undefined) return "COPY";
  if (method === "GET" && /[?&](list-type|prefix|versions)\b/.test(url)) return "LIST";
  return method;
}
