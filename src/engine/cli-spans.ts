/**
 * Reads the trace that the Pulumi CLI writes of an update (`--otel-traces file://…`, one OTLP document in JSON per line). Keeps only names
 * and times: the attributes hold paths, flags and error texts.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { CliSpan } from "./engine.ts";

const nanoseconds = z.string().regex(/^\d{1,20}$/);
const id = z.string().regex(/^[0-9a-f]{16}$/);
const told = z.object({
  spanId: id,
  parentSpanId: z.string().default(""),
  name: z.string(),
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
});
type Told = z.output<typeof told>;
const document = z.object({
  resourceSpans: z.array(z.object({ scopeSpans: z.array(z.object({ spans: z.array(told) })) })),
});

const steps: Record<string, string> = {
  pulumi: "cli",
  "pulumi-plan": "engine",
  "run-program": "program",
  newPlugin: "plugin start",
  "diyBackend.getSnapshot": "read state",
};
/** The methods of gocloud.dev/blob, and the S3 requests that they make. */
const requests: Record<string, string> = {
  NewRangeReader: "GET",
  NewWriter: "PUT",
  Attributes: "HEAD",
  ListPaged: "LIST",
  Copy: "COPY",
  Delete: "DELETE",
};

/** Our name for a name of the CLI; undefined for an unknown one, whose span isn't kept. */
function nameOf(name: string): string | undefined {
  const method = /^gocloud\.dev\/blob\.(\w+)$/.exec(name)?.[1];
  if (method !== undefined) return `state ${requests[method] ?? "request"}`;
  const call = /^pulumirpc\.ResourceProvider\/(\w+)$/.exec(name)?.[1];
  return call === undefined ? steps[name] : `plugin ${call}`;
}

/** The spans in the text of such a file. Lines that a killed CLI left unfinished are skipped. */
export function readCliSpans(text: string): CliSpan[] {
  const all = text.split("\n").flatMap(spansIn);
  const byId = new Map(all.map((span) => [span.spanId, span]));
  const keptAround = (span: Told): string | undefined => {
    let around = byId.get(span.parentSpanId);
    // Bounded, because nothing guarantees that the chain of parents ends.
    for (let left = all.length; around !== undefined && left > 0; left--) {
      if (nameOf(around.name) !== undefined) return around.spanId;
      around = byId.get(around.parentSpanId);
    }
    return undefined;
  };
  return all.flatMap((span) => {
    const name = nameOf(span.name);
    if (name === undefined) return [];
    const parent = keptAround(span);
    return [{ id: span.spanId, name, from: span.startTimeUnixNano, to: span.endTimeUnixNano, ...(parent !== undefined && { parent }) }];
  });
}

function spansIn(line: string): Told[] {
  try {
    return document.parse(JSON.parse(line)).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
  } catch {
    return [];
  }
}

/** The file that the CLI writes them to, in the update's own folder. */
export function cliSpansFile(folder: string): string {
  return path.join(folder, "spans.jsonl");
}

/** The spans of the update in this folder; empty if the CLI wrote none. */
export async function cliSpansIn(folder: string): Promise<CliSpan[]> {
  return readCliSpans(await readFile(cliSpansFile(folder), "utf8").catch(() => ""));
}
