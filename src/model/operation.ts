/** One asynchronous run. States and kinds are part of the API (docs/spec/operations.md). */
import type { StackAddress } from "../../stacks/stack.ts";
import type { Problem } from "../problem.ts";
import type { Scope } from "./caller.ts";

export const operationKinds = [
  "preview",
  "up",
  "refresh",
  "destroy",
  "verify",
  "adopt",
  "rotate",
  "offboard",
  "reconcile",
  "detect-drift",
  "revoke",
  "delete-key",
] as const;
export type OperationKind = (typeof operationKinds)[number];

/** The scope that starts an operation of a kind, whatever the door. To cancel one takes the same: it undoes what somebody was trusted with. */
export const startingScope: Readonly<Record<OperationKind, Scope>> = {
  preview: "plan",
  up: "write",
  refresh: "write",
  verify: "write",
  adopt: "write",
  rotate: "write",
  reconcile: "write",
  "detect-drift": "write",
  destroy: "destroy",
  offboard: "destroy",
  "delete-key": "destroy",
  revoke: "admin",
};

/** Kinds that only look: whatever comes of them, the integration is what it was. */
const lookingKinds: readonly OperationKind[] = ["preview", "verify", "detect-drift"];
/** All others. */
export const changingKinds = operationKinds.filter((kind) => !lookingKinds.includes(kind));

export const operationStates = ["queued", "running", "awaiting-approval", "succeeded", "failed", "cancelled"] as const;
export type OperationState = (typeof operationStates)[number];

export const terminalStates: readonly OperationState[] = ["succeeded", "failed", "cancelled"];

/**
 * Every legal change of state; the store refuses all others in SQL. `queued` comes again when a run was given back
 * (shutdown, takeover) or a plan was approved; `running` follows itself when a successor takes over a dead owner's run.
 */
export const transitions: Readonly<Record<OperationState, readonly OperationState[]>> = {
  queued: ["running", "failed", "cancelled"],
  running: ["running", "queued", "awaiting-approval", "succeeded", "failed", "cancelled"],
  "awaiting-approval": ["queued", "failed", "cancelled"],
  succeeded: [],
  failed: [],
  cancelled: [],
};

/** Whether the operation has ended. */
export function isTerminal(state: OperationState): boolean {
  return terminalStates.includes(state);
}

/** Whether nothing more happens to it by itself: it has ended, or waits for an approval, maybe for days. */
export const hasSettled = (state: OperationState): boolean => isTerminal(state) || state === "awaiting-approval";

export interface Operation {
  id: string;
  kind: OperationKind;
  state: OperationState;
  tenant?: string;
  integration?: string;
  parent?: string;
  children?: string[];
  stacks: StackAddress[];
  /** 1 for the first run; counts takeovers */
  attempt: number;
  planHash?: string;
  supersededBy?: string;
  /** RFC 3339 */
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  result?: Record<string, unknown>;
  error?: Problem;
}

/** One thing that happened, in order; `seq` starts at 1 per operation and has no gaps. */
export interface OperationEvent {
  seq: number;
  /** RFC 3339 */
  at: string;
  type: string;
  data: Record<string, unknown>;
}
