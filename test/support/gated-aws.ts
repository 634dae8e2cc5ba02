/** AWS behind a gate: requests of a kind are kept back until they are let go, or answered with AccessDenied. */
import { createServer, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

interface Gate {
  /** Which requests wait, by the text of their body. */
  holds?: ((body: string) => boolean | Promise<boolean>) | undefined;
  /** Which requests are denied. */
  denies?: ((body: string) => boolean) | undefined;
}

const denied = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>";

/** The operation that a session of ours was made for: the session's name carries its id. */
export const operationOf = (body: string): string | undefined =>
  /RoleSessionName=[^&]*?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/.exec(body)?.[1];

export function gatedAws() {
  const gate: Gate = {};
  let waiting: (() => void)[] = [];
  let held = 0;
  const between = async ({ awsEndpoint }: { awsEndpoint: string }) => {
    const { hostname, port } = new URL(awsEndpoint);
    const server = createServer(async (request, response) => {
      const body = await buffer(request);
      const text = body.toString();
      if (await gate.holds?.(text)) {
        held += 1;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      if (gate.denies?.(text)) return response.writeHead(403, { "content-type": "text/xml" }).end(denied);
      const { method, url: path, headers } = request;
      const onward = send({ hostname, port, path, method, headers: { ...headers, "content-length": body.length } }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on("error", () => response.destroy()).end(body);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const close = async () => {
      server.closeAllConnections();
      server.close();
    };
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
  };
  return {
    between,
    gate,
    held: () => held,
    /** Lets everything through from now on. */
    open: () => {
      Object.assign(gate, { holds: undefined, denies: undefined });
      for (const go of waiting) go();
      waiting = [];
      held = 0;
    },
  };
}
