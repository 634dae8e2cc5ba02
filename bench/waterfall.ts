/** Where one create's time goes: spans out of what the service recorded and what passed the proxies, drawn as text and as SVG. Pure. */
import type { OperationEvent } from "../src/model/operation.ts";
import type { Passed } from "./counting-proxy.ts";

export interface Trace {
  /** All times in epoch milliseconds */
  createdAt: number;
  events: OperationEvent[];
  state: Passed[];
  aws: Passed[];
  plugins: { began: number; ended: number }[];
  cliStart: number;
}

export interface Span {
  name: string;
  /** milliseconds since the PUT was accepted */
  from: number;
  to: number;
  /** milliseconds inside it during which the thing was busy, where it isn't busy throughout */
  busy?: number;
  note?: string;
}

/** The spans in the order in which they are drawn. */
export function spansOf(trace: Trace): Span[] {
  const { createdAt, events } = trace;
  const since = (time: number) => Math.max(0, time - createdAt);
  const at = (match: (event: OperationEvent) => boolean) => {
    const found = events.find(match);
    return found === undefined ? undefined : since(Date.parse(found.at));
  };
  const state = (wanted: string) => at(({ type, data }) => type === "state" && data["state"] === wanted);
  const step = (name: string): Span | undefined => {
    const from = at(({ type, data }) => type === "step-started" && data["name"] === name);
    const to = at(({ type, data }) => type === "step-done" && data["name"] === name);
    return from === undefined || to === undefined ? undefined : { name, from, to };
  };
  const update = step("update-stacks");
  const inside = ({ at: time }: Passed) => update !== undefined && since(time) >= update.from - 1 && since(time) <= update.to;
  const firstState = trace.state.filter(inside).map((one) => since(one.at));
  const cliStart = since(trace.cliStart);
  // The service's own reads of state come before.
  const firstOfCli = firstState.find((time) => time >= cliStart);
  const planned = at(({ type }) => type === "step");
  const plugin = trace.plugins[0];
  const spans: (Span | undefined)[] = [
    { name: "queue", from: 0, to: state("running") ?? 0 },
    step("enter-account"),
    step("preflight"),
    update,
    update && { name: "  lease, state, runner", from: update.from, to: cliStart },
    firstOfCli === undefined ? undefined : { name: "  CLI start to its first S3 request", from: cliStart, to: firstOfCli },
    plugin && { name: "  plugin process", from: since(plugin.began), to: since(plugin.ended) },
    firstOfCli !== undefined && planned !== undefined
      ? { name: "  engine until the first resource is done", from: firstOfCli, to: planned }
      : undefined,
    busySpan("  S3 (state)", trace.state.filter(inside), since),
    busySpan("  AWS, by plugin", trace.aws.filter(inside), since),
    step("remove-stacks"),
    step("prove"),
    step("record"),
    { name: "whole", from: 0, to: state("succeeded") ?? 0 },
  ];
  return spans.filter((span) => span !== undefined);
}

function busySpan(name: string, passed: Passed[], since: (time: number) => number): Span | undefined {
  const intervals = passed.map((one) => [since(one.at), since(one.at) + one.milliseconds] as const).sort((a, b) => a[0] - b[0]);
  const [first] = intervals;
  if (first === undefined) return undefined;
  let busy = 0;
  let covered = first[0];
  for (const [from, to] of intervals) {
    busy += Math.max(0, to - Math.max(from, covered));
    covered = Math.max(covered, to);
  }
  return { name, from: first[0], to: covered, busy, note: `${passed.length} requests` };
}

const columns = 60;

/** The spans as lines of text, one bar each. */
export function asText(spans: readonly Span[]): string {
  const end = Math.max(...spans.map(({ to }) => to), 1);
  const width = Math.max(...spans.map(({ name }) => name.length));
  const lines = spans.map((span) => {
    const from = Math.round((span.from / end) * columns);
    const length = Math.max(1, Math.round((span.to / end) * columns) - from);
    const bar = `${" ".repeat(Math.min(from, columns - 1))}${"█".repeat(length)}`.padEnd(columns);
    return `${span.name.padEnd(width)} |${bar}| ${describe(span)}`.trimEnd();
  });
  return lines.join("\n");
}

function describe({ from, to, busy, note }: Span): string {
  const parts = [`${Math.round(to - from)} ms`, busy !== undefined && `busy ${Math.round(busy)} ms`, note];
  return parts.filter(Boolean).join(", ");
}

const row = 24;
const left = 270;
const chart = 520;

/** The spans as an SVG drawing, 1,000 wide. */
export function asSvg(spans: readonly Span[]): string {
  const end = Math.max(...spans.map(({ to }) => to), 1);
  const x = (time: number) => left + (time / end) * chart;
  const bars = spans.map((span, index) => {
    const y = index * row + 8;
    const width = Math.max(1, x(span.to) - x(span.from));
    const inner = span.name.startsWith("  ");
    return [
      `<text x="${inner ? 24 : 8}" y="${y + 13}">${escaped(span.name.trim())}</text>`,
      `<rect x="${x(span.from).toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="16" fill="${inner ? "#8fb8de" : "#2b5f8f"}"/>`,
      `<text x="${left + chart + 10}" y="${y + 13}">${escaped(describe(span))}</text>`,
    ].join("");
  });
  const height = spans.length * row + 16;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="1050" height="${height}" font-family="sans-serif" font-size="13"><title>Where the time of one create goes</title><rect width="1050" height="${height}" fill="white"/>${bars.join("\n")}</svg>\n`;
}

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
