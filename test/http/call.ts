/** Sends a request exactly as it is given: nothing normalises it. */
import http from "node:http";

export interface CallOptions {
  token?: string | null;
  headers?: http.OutgoingHttpHeaders;
  /** An object is sent as JSON; text and bytes are sent unchanged. */
  body?: unknown;
}

/** JSON whose fields a test can read without declaring its shape. */
export interface Loose {
  readonly [key: string]: Loose;
}

export interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  /** {} if the answer isn't JSON. */
  json: Loose;
}

export function send(url: string, method: string, path: string, options: CallOptions): Promise<Reply> {
  const { token = "admin-token", body } = options;
  const raw = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const all: http.OutgoingHttpHeaders = {
    ...(token !== null && { authorization: `Bearer ${token}` }),
    ...(raw !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(raw) }),
    ...options.headers,
  };
  const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = /[/+]json/.test(response.headers["content-type"] ?? "") && text !== "";
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} });
      });
    });
    request.on("error", reject);
    request.end(raw);
  });
}
