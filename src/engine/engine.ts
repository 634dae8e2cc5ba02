/** The one door to Pulumi: a stack spec in, a result and events out. Everything behind it runs in a forked runner. */
import type { StackAddress, StackSpec } from "../../stacks/stack.ts";
import type { Problem } from "../problem.ts";

/** Short-lived credentials for one AWS account, or a user's long-lived ones in the sandbox. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** SHA-256 (hex, lower case) of the programs that updates run. */
export interface Pins {
  cli?: string;
  plugin?: string;
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
  /**
   * Provider ids, by logical name, of resources that exist without being in state: what an interrupted run was creating
   * (`readState`, pending) and the caller found in the account by name or tag. They are taken in before the action.
   * Matters for `role`, `key` and `alias`; every other create of our programs may simply be repeated.
   */
  adopt?: Record<string, string>;
  /** seconds; the update is interrupted, then killed, past it */
  deadlineSeconds: number;
  /** Told, and waited for, before the runner is given the update: the lease records who works under it. */
  onRunner?: (runner: RunnerIdentity) => Promise<void> | void;
}

/** What one stack's state says, without values: those stay in the bucket. */
export interface StackState {
  /** `name` is the logical one, the URN's last part; `retained` ones stay in the account when the stack goes */
  resources: { name: string; type: string; id?: string; retained?: boolean }[];
  /**
   * Steps that had begun when the last update died: what was being created may exist without being in `resources`. Look
   * before the next run, which forgets them. `physicalName` is the `name` that the program gave it.
   */
  pendingOperations: { name: string; type: string; operation: string; physicalName?: string }[];
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

/** One thing that the CLI did in an update, by name and time alone. */
export interface CliSpan {
  /** 16 hex digits */
  id: string;
  /** The nearest span around it that is kept too; none for the CLI as a whole */
  parent?: string;
  name: string;
  /** Nanoseconds since 1970, as text */
  from: string;
  to: string;
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
  /** A stack's state; undefined when there is none. @throws `not_ready` when it can't be read */
  readState(address: StackAddress, credentials: Credentials): Promise<StackState | undefined>;
  /**
   * A stack's state, after a missing or damaged one was put back from the bucket's versions; undefined when there never was
   * one. @throws `state_damaged` when none of the versions can be read
   */
  soundState(address: StackAddress, credentials: Credentials): Promise<{ state?: StackState; restored: boolean }>;
  /**
   * Removes the stack's locks that were written on `host` by processes which are gone, and says how many. Only under the
   * stack's lease, and for another host only when that host's owner is known to be dead.
   */
  clearLocks(address: StackAddress, credentials: Credentials, host: string): Promise<number>;
  /**
   * Drops a stack from the state bucket, history included, once its resources are gone or are such as stay (a bucket's
   * policy). @throws `leftovers` while state holds others, unless `withResources` says that they belong to somebody else by now
   */
  removeStack(address: StackAddress, credentials: Credentials, options?: { withResources: boolean }): Promise<void>;
  close(): Promise<void>;
}
