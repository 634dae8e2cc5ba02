/** The messages between the pool and its runners over Node's IPC channel. */
import type { Place } from "../../../programs/program.ts";
import type { StackSpec } from "../../../stacks/stack.ts";
import type { Problem } from "../../problem.ts";
import type { StepEvent, UpdateAction, UpdateResult } from "../engine.ts";

/** One update, ready to run. The folder holds project, settings and credentials; the environment names them. */
export interface RunOrder {
  action: UpdateAction;
  spec: StackSpec;
  stack: string;
  folder: string;
  environment: Record<string, string>;
  place: Place;
  refresh: boolean;
  /** Only for a refresh: drop the creates that an interrupted run left as pending */
  clearPendingCreates?: boolean;
  /** Appears in Pulumi's history of the stack */
  message: string;
}

export type ToRunner = { type: "run"; order: RunOrder } | { type: "abort" };

/** `rss` is the runner's resident memory in bytes, after the update. */
export type FromRunner =
  | { type: "ready" }
  | { type: "step"; step: StepEvent }
  | { type: "finished"; result: UpdateResult; rss: number }
  | { type: "failed"; problem: Problem; rss: number };
