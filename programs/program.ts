/** An inline program: validated inputs and a place go in, resources and outputs come out. */
import type { Output } from "@pulumi/pulumi/index.js";
import type { StackInputs, StackKind } from "../stacks/stack.ts";

/** Where the resources go. */
export interface Place {
  /** 12 digits; the provider refuses every other account */
  accountId: string;
  region: string;
  /** Address buckets as `host/bucket`: endpoints that are not AWS's own have no host name for each bucket. */
  pathStyle: boolean;
  /** Provider ids, by logical name, of resources that this run takes into state instead of making them. */
  adopt?: Record<string, string>;
}

export type ProgramOutputs = Record<string, Output<string> | string>;
export type Program<K extends StackKind> = (inputs: StackInputs[K], place: Place) => ProgramOutputs;
