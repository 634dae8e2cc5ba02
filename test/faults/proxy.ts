/** An HTTP proxy before the emulator. It counts the calls to AWS and the state bucket, and applies a test's fault to one of them. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** One call as it arrived. */
export interface Call {
  /** From 1, counted since the last `reset` */
  number: number;
  /** `iam`, `s3`, `kms`, `sts`, …: the service in the signature's scope */
  service: string;
  /** `CreateRole`; for S3 in the form `GET /bucket/key` */
  name: string;
  /** Whether it changes something in AWS or the state bucket */
  writes: boolean;
}

/** What happens to a call: nothing, or one of these. `run` is called at that moment, before or after AWS has answered. */
export type Fault =
  | { do: "delay"; milliseconds: number }
  | { do: "answer"; status: number; code: string }
  /** Answers that it was done, but does nothing */
  | { do: "pretend" }
  | { do: "drop"; when: "before" | "after"; run?: () => Promise<void> };

export type Plan = (call: Call) => Fault | undefined;

export interface FaultProxy {
  url: string;
  calls: Call[];
  /** Deletes the counted calls and sets a new plan. Without a plan, every call passes. */
  reset(plan?: Plan): void;
  close(): Promise<void>;
}

/** Called for each call before AWS gets it. The function that it returns is called after AWS has answered. */
export type Watch = (
  request: http.IncomingMessage,
  body: Buffer,
) => Promise<((answer: { status: number; body: Buffer }) => void) | undefined>;

/** Starts the proxy on a free loopback port. `watch` is called for every call that passes. */
export async function startProxy(target: string, watch?: Watch): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const agent = new http.Agent({ keepAlive: true });
  const calls: Call[] = [];
  let plan: Plan | undefined;

  const handle = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    const body = await bodyOf(request);
    const call: Call = { number: calls.length + 1, ...nameOf(request, body) };
    calls.push(call);
    const fault = plan?.(call);
    if (fault?.do === "delay") await sleep(fault.milliseconds);
    if (fault?.do === "answer") return refuse(response, call, fault);
    if (fault?.do === "pretend") return pretend(response, call);
    if (fault?.do === "drop" && fault.when === "before") {
      await fault.run?.();
      return void response.destroy();
    }
    const answered = await watch?.(request, body);
    const answer = await forward(request, body);
    answered?.(answer);
    if (fault?.do === "drop") {
      await fault.run?.();
      return void response.destroy();
    }
    response.writeHead(answer.status, answer.headers).end(answer.body);
  };

  const forward = async (request: http.IncomingMessage, body: Buffer) => {
    const outgoing = http.request({
      agent,
      hostname,
      port,
      path: request.url,
      method: request.method,
      headers: { ...request.headers, "content-length": String(body.length) },
    });
    delete outgoing.getHeaders()["transfer-encoding"];
    outgoing.end(body);
    const [answer] = (await once(outgoing, "response")) as [http.IncomingMessage];
    const { "transfer-encoding": _chunked, connection: _connection, ...headers } = answer.headers;
    return { status: answer.statusCode ?? 502, headers, body: await bodyOf(answer) };
  };

  const server = http.createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    reset(next) {
      calls.length = 0;
      plan = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, "close");
    },
  };
}

async function bodyOf(stream: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function nameOf(request: http.IncomingMessage, body: Buffer): Omit<Call, "number"> {
  const service = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(request.headers.authorization ?? "")?.[1] ?? "s3";
  const target = request.headers["x-amz-target"];
  if (typeof target === "string") return { service, ...named(target.split(".").at(-1) ?? target) };
  const action = service === "s3" ? undefined : /(?:^|&)Action=(\w+)/.exec(body.toString("latin1", 0, 2_000))?.[1];
  if (action !== undefined) return { service, ...named(action) };
  const name = `${request.method} ${request.url?.replace(/[?&](?:x-id|X-Amz)[^&]*/g, "")}`;
  return { service, name, writes: /^(PUT|POST|DELETE) /.test(name) };
}

const named = (name: string) => ({ name, writes: !/^(Get|List|Describe|Simulate|Assume)/.test(name) });

/** In the format of the service: query APIs and S3 answer in XML, KMS in JSON. */
function refuse(response: http.ServerResponse, { service }: Call, { status, code }: { status: number; code: string }): void {
  if (service === "kms") {
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify({ __type: code, message: "injected" }));
    return;
  }
  const error = `<Code>${code}</Code><Message>injected</Message>`;
  const xml =
    service === "s3" ? `<Error>${error}</Error>` : `<ErrorResponse><Error>${error}</Error><RequestId>injected</RequestId></ErrorResponse>`;
  response.writeHead(status, { "content-type": "text/xml" }).end(xml);
}

/** A successful answer to a delete or a put. Such answers contain nothing else. */
function pretend(response: http.ServerResponse, { service, name }: Call): void {
  if (service === "kms") response.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).end("{}");
  else if (service === "s3") response.writeHead(204).end();
  else response.writeHead(200, { "content-type": "text/xml" }).end(`<${name}Response><ResponseMetadata/></${name}Response>`);
}
