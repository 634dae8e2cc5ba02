/** Which test files run together in one process, and which processes run at once. */
import { type TestFile, waitingRank } from "./test-files.ts";

/** Files that one process runs, one after the other. */
export type Batch = readonly TestFile[];

/** Batches that follow each other, so many at once. */
export interface Lane {
  batches: Batch[];
  atOnce: number;
}

/** How many files share a process at most. With a store each takes a second or two, without one a tenth of that. */
const most = { store: 12, other: 24 };

/**
 * What starts an emulator, a CLI or a service runs one at a time. Of the rest, those that wait run beside those that compute, and of
 * those what takes long begins first.
 */
export function lanesOf(files: readonly TestFile[], kind: TestFile["kind"]): Lane[] {
  const ours = files.filter((file) => file.kind === kind);
  if (kind === "e2e") return [{ batches: ours.map((file) => [file]), atOnce: 1 }];
  const shared = ours.filter(({ alone }) => !alone);
  const single = ours.filter(({ alone, waits }) => alone && !waits);
  const hasStore = ({ store }: TestFile) => store;
  const hasNone = ({ store }: TestFile) => !store;
  // Without a store first: the store is being made meanwhile.
  const batches = [
    ...chunks(single.filter(hasNone), 1),
    ...chunks(shared.filter(hasNone), most.other),
    ...chunks(single.filter(hasStore), 1),
    ...chunks(shared.filter(hasStore), most.store),
  ];
  const longestFirst = ours.filter(({ waits }) => waits).toSorted((a, b) => waitingRank(a) - waitingRank(b));
  return [
    { batches: chunks(longestFirst, 1), atOnce: 2 },
    { batches, atOnce: 2 },
  ];
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) => all.slice(index * size, (index + 1) * size));
}
