/** The one door to Pulumi: a stack spec in, a result and events out. Everything behind it runs in a forked runner. */
import type { StackAddress, StackSpec } from "../../stacks/stack.ts";
import type { Problem } from "../problem.ts";

/** Short-lived credentials for one AWS account, or a user's long-lived ones in the sandbox. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export type UpdateAction = "preview" | "up" | "refresh" | "destroy";

export interface UpdateRequest {
  operationId: string;
  /** lease epoch; stands in the process marker */
  epoch: number;
  action: UpdateAction;
  spec: StackSpec;
  address: StackAddress;
  target: { accountId: string; region: string; credentials: Credentials };
  state: { credentials: Credentials };
  /** Look at the cloud first (`--refresh`): for documents that others edit too, and after an update that didn't end well. */
  refresh?: boolean;
  /** seconds; the update is interrupted, then killed, past it */
  deadlineSeconds: number;
  /** Told, and waited for, before the runner is given the update: the lease records who works under it. */
  onRunner?: (runner: RunnerIdentity) => Promise<void> | void;
}

/** A runner process: its mark `DRAWBRIDGE_RUNNER`, and pid with start time (clock ticks since boot), since pids are reused. */
export interface RunnerIdentity {
  uuid: string;
  pid: number;
  startTime: string;
}

export type ChangeOp = "create" | "update" | "delete" | "replace" | "same" | "read" | "import";

/** One resource step, as it happened or as it is planned. Values never appear: only which inputs differ. */
export interface StepEvent {
  urn: string;
  type: string;
  op: ChangeOp;
  phase: "planned" | "done" | "failed";
  /** property paths that differ */
  differs?: string[];
}

export interface UpdateResult {
  outputs: Record<string, unknown>;
  changes: Partial<Record<ChangeOp, number>>;
  steps: StepEvent[];
  /** milliseconds */
  duration: number;
}

export interface PluginIdentity {
  plugin: "official" | "stand-in";
  version: string;
}

export interface Engine {
  /** Runs one update to its end. Rejects with a ProblemError whose code comes from pulumi-errors.ts. */
  update(request: UpdateRequest, onStep: (step: StepEvent) => void, signal?: AbortSignal): Promise<UpdateResult>;
  /** Names what an operation would run on, or says why it can't. */
  check(): Promise<{ cli: { version: string } | Problem; plugin: PluginIdentity | Problem }>;
  /** Drops a stack whose resources are gone from the state bucket. */
  removeStack(address: StackAddress, credentials: Credentials): Promise<void>;
  close(): Promise<void>;
}
