/** Reads the engine's event stream: steps, outputs, diagnostics, summary. It runs in the runner, and keeps no values except outputs. */
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation/index.js";
import type { ChangeOp, StepEvent, UpdateResult } from "../engine.ts";

/** Pulumi's own bookkeeping, which isn't in the account. */
const isBookkeeping = (type: string) => type.startsWith("pulumi:");

/**
 * The engine's step kinds (pulumi/pulumi sdk/go/common/display, OpType) and our shorter list. `refresh` is left out, because the step that
 * follows from it shows what the refresh found.
 */
const operations: Record<string, ChangeOp> = {
  create: "create",
  update: "update",
  delete: "delete",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
  "import-replacement": "replace",
  "read-replacement": "replace",
  "discard-replaced": "replace",
  "remove-pending-replace": "replace",
  same: "same",
  read: "read",
  "read-discard": "read",
  import: "import",
};

function differingPaths({ detailedDiff, diffs }: StepEventMetadata): string[] {
  const paths = detailedDiff ? Object.keys(detailedDiff) : (diffs ?? []);
  return [...new Set(paths)].sort();
}

/** A step in our form; undefined for bookkeeping. */
export function toStep(metadata: StepEventMetadata, phase: StepEvent["phase"]): StepEvent | undefined {
  const op = operations[metadata.op];
  if (op === undefined || isBookkeeping(metadata.type)) return undefined;
  const differs = differingPaths(metadata);
  return { urn: metadata.urn, type: metadata.type, op, phase, ...(differs.length > 0 ? { differs } : {}) };
}

/**
 * The engine's placeholder for a value that is known only after the update (pulumi/pulumi sdk/go/common/resource/plugin,
 * UnknownStringValue).
 */
const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

function known(outputs: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(outputs).filter(([, value]) => value !== unknownValue));
}

export interface EventReader {
  onEvent(event: EngineEvent): void;
  diagnostics: string[];
  /** Whether the engine reached its end and sent its summary */
  summarised(): boolean;
  result(milliseconds: number): UpdateResult;
}

/**
 * Collects an update's events. Under load an event may arrive twice, so each sequence number counts once. A step is reported once: when it
 * is planned (previews), done or failed. Steps that change nothing are counted but not reported.
 */
export function readEvents(onStep: (step: StepEvent) => void): EventReader {
  const seen = new Set<number>();
  const steps = new Map<string, StepEvent>();
  const diagnostics: string[] = [];
  let outputs: Record<string, unknown> = {};
  let summarised = false;

  function tell(metadata: StepEventMetadata, phase: StepEvent["phase"]): void {
    const step = toStep(metadata, phase);
    if (step === undefined) return;
    // One replacement is several steps in the engine.
    const before = steps.get(step.urn);
    const differs = step.differs ?? before?.differs;
    steps.set(step.urn, { ...step, ...(differs ? { differs } : {}) });
    if (step.op !== "same" && !(before?.op === step.op && before.phase === step.phase)) onStep(step);
  }

  return {
    diagnostics,
    summarised: () => summarised,
    onEvent(event) {
      if (seen.has(event.sequence)) return;
      seen.add(event.sequence);
      if (event.diagnosticEvent?.severity === "error") diagnostics.push(event.diagnosticEvent.message);
      if (event.summaryEvent) summarised = true;
      if (event.resOpFailedEvent) tell(event.resOpFailedEvent.metadata, "failed");
      const ended = event.resOutputsEvent;
      if (ended) tell(ended.metadata, ended.planning ? "planned" : "done");
      if (event.resourcePreEvent?.planning) tell(event.resourcePreEvent.metadata, "planned");
      if (ended?.metadata.type === "pulumi:pulumi:Stack") outputs = known(ended.metadata.new?.outputs ?? {});
    },
    result(duration) {
      const changes: UpdateResult["changes"] = {};
      for (const { op } of steps.values()) changes[op] = (changes[op] ?? 0) + 1;
      return { outputs, changes, steps: [...steps.values()].filter(({ op }) => op !== "same"), duration };
    },
  };
}
