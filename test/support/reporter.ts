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
  /** the URL of its file, where several share the process */
  file?: string;
}

/** A file that came to its end in a process that it shared. */
export interface FileEnded {
  /** its URL */
  ended: string;
  /** milliseconds */
  took: number;
}

interface Event {
  type: string;
  data: {
    name?: string;
    nesting?: number;
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

/** The outermost suites of a shared process bear the URLs of its files. */
function sharedFile({ data: { name = "", nesting } }: Event): string | undefined {
  return nesting === 0 && name.startsWith("file://") ? name : undefined;
}

async function* reporter(events: AsyncIterable<Event>): AsyncGenerator<string> {
  let file: string | undefined;
  const line = (one: Finished | FileEnded) => `${JSON.stringify(one)}\n`;
  for await (const event of events) {
    const shared = sharedFile(event);
    if (event.type === "test:start") file = shared ?? file;
    const finished = finishedBy(event);
    if (finished) yield line({ ...finished, ...(file !== undefined && { file }) });
    if (shared !== undefined && (event.type === "test:pass" || event.type === "test:fail"))
      yield line({ ended: shared, took: event.data.details?.duration_ms ?? 0 });
  }
}

// biome-ignore lint/style/noDefaultExport: node --test-reporter takes the default export
export default reporter;
