/**
 * Server-sent events (HTML standard, "Server-sent events"). Each event has an `id`, so that a client can continue after the last one it
 * got.
 */
import { once } from "node:events";
import type { Request, Response } from "express";
import type { OperationEvent } from "../../model/operation.ts";

/** Comments keep proxies from closing a stream without events. */
const heartbeatMs = 15_000;
/** How long a client waits before it connects again, in milliseconds. */
const reconnectMs = 2_000;

/**
 * Streams events until they end or the client disconnects. It waits for a slow client, so that events don't collect in memory.
 *
 * If reading the events fails, it rejects with that error. The stream then breaks off, and the client connects again.
 */
export async function sendEvents(request: Request, response: Response, events: AsyncIterable<OperationEvent>): Promise<void> {
  response.set({ "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no" });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  response.flushHeaders();
  response.write(`retry: ${reconnectMs}\n\n`);
  const gone = new Promise<void>((resolve) => response.once("close", resolve));
  const heartbeat = setInterval(() => response.write(": still here\n\n"), heartbeatMs);
  try {
    for await (const event of events) {
      if (response.destroyed) break;
      const taken = response.write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      if (!taken) await Promise.race([once(response, "drain"), gone]);
    }
  } finally {
    clearInterval(heartbeat);
  }
  response.end();
}
