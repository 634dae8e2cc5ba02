/** Shows an operation while it runs: a tree that redraws itself on a terminal, otherwise one line for each event. */
import type { OperationEvent } from "./client.ts";
import { mark, type Screen, say, tint } from "./screen.ts";

interface Node {
  label: string;
  state: string;
  note?: string;
}

export interface Tree {
  on(event: OperationEvent): void;
  /** Leaves the last tree on the screen. */
  end(): void;
}

const words = (value: unknown): string => (typeof value === "string" ? value : "");
/** The tree never has more lines, even on a taller terminal. It shows its last lines, because the current work is there. */
const MOST_LINES = 24;

/** The line of an event in a log; undefined for events that only the tree shows. */
export function eventLine(event: OperationEvent): string | undefined {
  const { name, stack, op, type, phase, state, code, ms, tenant, operation, outcome, reason } = event.data;
  const time = event.at.slice(11, 19);
  const line = (text: string) => `${time}  ${text}`;
  if (event.type === "state") return line(`${words(state)}${code ? ` (${words(code)})` : ""}`);
  if (event.type === "step-done") return line(`${words(name)} (${Number(ms) / 1_000} s)`);
  if (event.type === "step-failed") return line(`${words(name)} failed: ${words(code)}`);
  if (event.type === "step" && phase !== "planned")
    return line(`  ${words(op)} ${words(type)} in ${words(stack)}${phase === "failed" ? " failed" : ""}`);
  if (event.type === "stack-up" || event.type === "stack-gone")
    return line(`  ${words(stack)} is ${event.type === "stack-up" ? "up" : "gone"}`);
  if (event.type === "planned") return line(`planned: ${summaryLine(event.data["summary"])}`);
  if (event.type === "child-started") return line(`${words(outcome)} ${words(tenant)}/${words(name)}: operation ${words(operation)}`);
  if (event.type === "child-ended")
    return line(`${words(tenant)}/${words(name)} ${words(state)}${reason && state === "failed" ? `: ${words(reason)}` : ""}`);
  return undefined;
}

/** `2 added, 1 changed, 997 unchanged` */
export function summaryLine(summary: unknown): string {
  const counts = Object.entries((summary ?? {}) as Record<string, number>).filter(([, number]) => number > 0);
  return counts.length === 0 ? "nothing to do" : counts.map(([outcome, number]) => `${number} ${outcome}`).join(", ");
}

export function createTree(screen: Screen, title: string): Tree {
  return screen.live ? liveTree(screen, title) : plainLines(screen, title);
}

function plainLines(screen: Screen, title: string): Tree {
  say(screen, title);
  return {
    on(event) {
      const line = eventLine(event);
      if (line !== undefined) say(screen, line);
    },
    end: () => {},
  };
}

function liveTree(screen: Screen, title: string): Tree {
  const nodes = new Map<string, Node>();
  let state = "queued";
  let drawn = 0;
  const draw = () => {
    const shown = [...nodes.values()].slice(-MOST_LINES);
    const more = nodes.size - shown.length;
    const lines = [
      `${mark(screen, state)} ${tint(screen, "bold", title)}`,
      ...(more > 0 ? [tint(screen, "dim", `│  … ${more} more`)] : []),
      ...shown.map((node, index) => {
        const branch = tint(screen, "dim", index === shown.length - 1 ? "└─" : "├─");
        return `${branch} ${mark(screen, node.state)} ${node.label}${node.note ? tint(screen, "dim", `  ${node.note}`) : ""}`;
      }),
    ];
    const up = drawn > 0 ? `\u001b[${drawn}A` : "";
    screen.out.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join("")}\u001b[J`);
    drawn = lines.length;
  };
  draw();
  return {
    on(event) {
      if (event.type === "state") state = words(event.data["state"]);
      grow(nodes, event);
      draw();
    },
    end: draw,
  };
}

/** Applies an event to the tree. */
function grow(nodes: Map<string, Node>, { type, data }: OperationEvent): void {
  const name = words(data["name"]);
  if (type === "step-started") nodes.set(`step ${name}`, { label: name, state: "running" });
  if (type === "step-done") nodes.set(`step ${name}`, { label: name, state: "succeeded", note: `${Number(data["ms"]) / 1_000} s` });
  if (type === "step-failed") nodes.set(`step ${name}`, { label: name, state: "failed", note: words(data["code"]) });
  if (type === "step" && data["phase"] !== "planned") {
    const what = `${words(data["type"])} in ${words(data["stack"])}`;
    nodes.set(what, { label: `  ${words(data["op"])} ${what}`, state: data["phase"] === "failed" ? "failed" : "succeeded" });
  }
  if (type === "planned") nodes.set("planned", { label: `planned: ${summaryLine(data["summary"])}`, state: "succeeded" });
  const child = `${words(data["tenant"])}/${name}`;
  if (type === "child-started")
    nodes.set(child, { label: `${child} ${words(data["outcome"])}`, state: "running", note: words(data["operation"]) });
  if (type === "child-ended") {
    const ended = words(data["state"]);
    nodes.set(child, { label: `${child} ${words(data["outcome"])}`, state: ended, note: ended === "failed" ? words(data["reason"]) : "" });
  }
}
