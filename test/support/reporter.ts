/** Turns the events of node:test into one JSON line per finished test, for test/run.ts. */
import { inspect } from "node:util";

/** A finished test; names run from the outermost suite to the test itself. */
export interface Finished {
  name: string;
  outcome: "passed" | "failed" | "skipped";
  /** milliseconds */
  took: number;
  /** why it failed, for a person */
  reason?: string;
}

interface Event {
  type: string;
  data: {
    name?: string;
    skip?: string | boolean;
    details?: { duration_ms?: number; type?: string; error?: Error & { failureType?: string } };
  };
}

/** A suite isn't a test, unless it failed by itself: in a hook, or while its tests were being named. */
function finishedBy({ type, data }: Event): Finished | undefined {
  if (type !== "test:pass" && type !== "test:fail") return undefined;
  const { error, duration_ms: took = 0, type: kind } = data.details ?? {};
  const byItself = error !== undefined && error.failureType !== "subtestsFailed";
  if (kind === "suite" && !byItself) return undefined;
  const base = { name: data.name ?? "a test without a name", took };
  if (type === "test:fail") return { ...base, outcome: "failed", reason: inspect(error?.cause ?? error, { depth: 4 }) };
  return { ...base, outcome: data.skip === undefined || data.skip === false ? "passed" : "skipped" };
}

async function* reporter(events: AsyncIterable<Event>): AsyncGenerator<string> {
  for await (const event of events) {
    const finished = finishedBy(event);
    if (finished) yield `${JSON.stringify(finished)}\n`;
  }
}

// biome-ignore lint/style/noDefaultExport: node --test-reporter takes the default export
export default reporter;
