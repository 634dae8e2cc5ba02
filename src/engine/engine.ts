/** The only interface to Pulumi: a stack spec goes in, a result and events come out. A forked runner does the work. */
import type { StackAddress, StackSpec } from "../../stacks/stack.ts";
import type { Problem } from "../problem.ts";

/** Short-lived credentials for one AWS account, or a user's long-lived ones in the sandbox. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** SHA-256 (hex, lower case) of the programs that run updates. */
export interface Pins {
  cli?: string;
  plugin?: string;
}

export type UpdateAction = "preview" | "up" | "refresh" | "destroy";

export interface UpdateRequest {
  operationId: string;
  /** Lease epoch; part of the process marker */
  epoch: number;
  action: UpdateAction;
  spec: StackSpec;
  address: StackAddress;
  target: { accountId: string; region: string; credentials: Credentials };
  state: { credentials: Credentials };
  /** Read the cloud first (`--refresh`): for documents that others edit too, and after an update that failed. */
  refresh?: boolean;
  /**
   * Provider ids, by logical name, of resources that exist but aren't in state. An interrupted run was creating them (`readState`,
   * pending), and the caller found them in the account by name or tag. They are taken into state before the action. It matters for `role`,
   * `key` and `alias`; every other create of our programs can simply be repeated.
   */
  adopt?: Record<string, string>;
  /** Seconds. After that the update is interrupted, then killed */
  deadlineSeconds: number;
  /** Called and awaited before the runner gets the update, so that the lease records which runner works under it. */
  onRunner?: (runner: RunnerIdentity) => Promise<void> | void;
}

/** The resources in one stack's state, without values: values stay in the bucket. */
export interface StackState {
  /** `name` is the logical name, the URN's last part. `retained` resources stay in the account when the stack is destroyed */
  resources: { name: string; type: string; id?: string; retained?: boolean }[];
  /**
   * Steps that had begun when the last update died. A resource that was being created may exist without being in `resources`. Look for it
   * before the next run, because that run drops these steps. `physicalName` is the `name` that the program gave it.
   */
  pendingOperations: { name: string; type: string; operation: string; physicalName?: string }[];
}

/** A runner process: its marker `DRAWBRIDGE_RUNNER`, and its pid with its start time (clock ticks since boot), because pids are reused. */
export interface RunnerIdentity {
  uuid: string;
  pid: number;
  startTime: string;
}

export type ChangeOp = "create" | "update" | "delete" | "replace" | "same" | "read" | "import";

/** One resource step, planned or done. Values never appear, only which inputs differ. */
export interface StepEvent {
  urn: string;
  type: string;
  op: ChangeOp;
  phase: "planned" | "done" | "failed";
  /** The property paths that differ */
  differs?: string[];
}

export interface UpdateResult {
  outputs: Record<string, unknown>;
  changes: Partial<Record<ChangeOp, number>>;
  steps: StepEvent[];
  /** milliseconds */
  duration: number;
}

/** One thing that the CLI did in an update: only its name and times. */
export interface CliSpan {
  /** 16 hex digits */
  id: string;
  /** The nearest kept span around it; none for the CLI as a whole */
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
  /** Names the CLI and the plugin that an operation would use, or says why it can't use them. */
  check(): Promise<{ cli: { version: string } | Problem; plugin: PluginIdentity | Problem }>;
  /** A stack's state; undefined if there is none. @throws `not_ready` when it can't be read */
  readState(address: StackAddress, credentials: Credentials): Promise<StackState | undefined>;
  /**
   * A stack's state. If it is missing or damaged, it is first restored from the bucket's versions. Undefined if there never was one.
   *
   * @throws `state_damaged` when none of the versions can be read
   */
  soundState(address: StackAddress, credentials: Credentials): Promise<{ state?: StackState; restored: boolean }>;
  /**
   * Removes the stack's locks that processes on `host` wrote which no longer run; returns how many. Call it only under the stack's lease,
   * and for another host only if that host's owner is known to be dead.
   */
  clearLocks(address: StackAddress, credentials: Credentials, host: string): Promise<number>;
  /**
   * Deletes a stack from the state bucket, history included, once its resources are gone or are meant to stay (a bucket's policy).
   *
   * @throws `leftovers` while state holds others, unless `withResources` says that they now belong to somebody else
   */
  removeStack(address: StackAddress, credentials: Credentials, options?: { withResources: boolean }): Promise<void>;
  close(): Promise<void>;
}
