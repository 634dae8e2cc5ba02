/** A closed loop of HTTP requests: so many connections, each sending its next request when the last was answered. */
import { Agent, request } from "node:http";
import { percentile } from "./statistics.ts";

export interface Shot {
  method: "GET" | "PUT";
  path: string;
  headers?: Record<string, string>;
  body?: string;
  /** What the answer must be */
  status: number;
}

export interface LoadResult {
  requests: number;
  perSecond: number;
  /** milliseconds */
  p50: number;
  p99: number;
}

/** Sends `shot(n)` for n = 0, 1, 2 … for so many seconds. Rejects at the first answer of another status. */
export async function load(
  url: string,
  { connections, seconds, shot }: { connections: number; seconds: number; shot: (n: number) => Shot },
): Promise<LoadResult> {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const latencies: number[] = [];
  const started = performance.now();
  const end = started + seconds * 1000;
  let next = 0;
  const fire = ({ method, path, headers = {}, body, status }: Shot) =>
    new Promise<void>((resolve, reject) => {
      const lengths = body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const sent = request({ agent, hostname, port, method, path, headers: { ...headers, ...lengths } }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => {
          text += chunk;
        });
        answer.on("end", () =>
          answer.statusCode === status ? resolve() : reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`)),
        );
      });
      sent.on("error", reject);
      sent.end(body);
    });
  const loop = async () => {
    while (performance.now() < end) {
      const begun = performance.now();
      await fire(shot(next++));
      latencies.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  agent.destroy();
  return {
    requests: latencies.length,
    perSecond: latencies.length / ((performance.now() - started) / 1000),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}
