/** What the bench and the process that runs the stock sequence say to each other. */
import type { StackSpec } from "../../stacks/stack.ts";

export interface StockOrder {
  id: number;
  verb: "apply" | "destroy";
  /** Names the stacks: `<name>-<kind>` */
  name: string;
  specs: StackSpec[];
  place: { accountId: string; region: string; pathStyle: boolean };
}

export type StockAnswer =
  | { type: "ready" }
  | { type: "done"; id: number; milliseconds: number }
  | { type: "failed"; id: number; text: string };
