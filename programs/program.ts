/** What every inline program is: validated inputs and a place in, resources and outputs out. */
import type { Output } from "@pulumi/pulumi/index.js";
import type { StackInputs, StackKind } from "../stacks/stack.ts";

/** Where the resources go. */
export interface Place {
  /** 12 digits; the provider refuses every other account */
  accountId: string;
  region: string;
  /** Address buckets as `host/bucket`: endpoints that are not AWS's own have no names per bucket. */
  pathStyle: boolean;
  /** Provider ids, by logical name, of resources that this run takes into state instead of making them. */
  adopt?: Record<string, string>;
}

export type ProgramOutputs = Record<string, Output<string> | string>;
export type Program<K extends StackKind> = (inputs: StackInputs[K], place: Place) => ProgramOutputs;
