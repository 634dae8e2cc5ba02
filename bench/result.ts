/** What a benchmark comes to, and the shapes that the runner and the table share. */
import { median } from "./statistics.ts";

export interface Result {
  /** Unique over all benchmarks: `create`, `create.cpu` */
  name: string;
  /** A line of the table */
  title: string;
  unit: string;
  /** What it is held against */
  against: string;
  /** Of ours */
  median: number;
  /** The median of what it is held against */
  baseline: number;
  /** median / baseline */
  ratio: number;
  runs: { ours: number[]; baseline: number[] };
  /** What issue and plan ask for: of the ratio, or of the median where they name a figure */
  target?: Target;
  note?: string;
}

export type Target = { of: "ratio" | "median" } & ({ atMost: number } | { atLeast: number });

export interface Benchmark {
  title: string;
  /** The first result is the one that its name stands for. */
  run(): Promise<Result[]>;
}

type Measured = Pick<Result, "name" | "title" | "unit" | "against" | "target" | "note"> & Result["runs"];

/** The result of two series of runs, which were made in turns. */
export function compare({ ours, baseline, ...rest }: Measured): Result {
  const [own, other] = [median(ours), median(baseline)];
  return { ...rest, median: own, baseline: other, ratio: own / other, runs: { ours, baseline } };
}

/** Whether the target is met; undefined where there is none. */
export function meets({ target, ratio, median: value }: Result): boolean | undefined {
  if (target === undefined) return undefined;
  const figure = target.of === "ratio" ? ratio : value;
  return "atMost" in target ? figure <= target.atMost : figure >= target.atLeast;
}
