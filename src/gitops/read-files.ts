/** Reads a source's files on a separate thread: the content isn't trusted, and the service must go on answering. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { ProblemError } from "../problem.ts";
import type { FileText, ReadFile } from "./read-files-worker.ts";

/** A mebibyte takes 1.5 s of one core, and no file of the worst kind needs a heap above 96 MiB (both measured). */
const readLimits = { milliseconds: 30_000, millisecondsPerMebibyte: 5_000, heapMegabytes: 256, manifests: 5_000 };

export interface ReadOptions {
  signal: AbortSignal;
  /** For all files together */
  milliseconds?: number;
  heapMegabytes?: number;
}

const workerFile = new URL(import.meta.url.endsWith(".ts") ? "./read-files-worker.ts" : "./read-files-worker.js", import.meta.url);

/**
 * Every manifest and every fault of the files, in order.
 *
 * @throws ProblemError source_unreachable when it takes longer (`too-slow-to-read`) or more memory (`too-large-to-read`) than it may, or
 *   the files hold more manifests and faults than a source may (`too-many`)
 * @throws the signal's reason when it is aborted
 */
export async function readFiles(
  files: readonly FileText[],
  { signal, milliseconds = timeFor(files), heapMegabytes = readLimits.heapMegabytes }: ReadOptions,
): Promise<ReadFile> {
  if (files.length === 0) return { manifests: [], faults: [] };
  signal.throwIfAborted();
  const deadline = AbortSignal.timeout(milliseconds);
  const worker = new Worker(workerFile, {
    workerData: files,
    // The thread needs no settings of the service and must not have its secrets.
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
  });
  // `once` below hears of the first error only; one that comes while the thread is being ended would end the service.
  worker.on("error", () => {});
  const read: ReadFile[] = [];
  const enough = new AbortController();
  let count = 0;
  worker.on("message", (one: ReadFile) => {
    read.push(one);
    count += one.manifests.length + one.faults.length;
    if (count > readLimits.manifests) enough.abort(tooMany());
  });
  try {
    await once(worker, "exit", { signal: AbortSignal.any([signal, enough.signal, deadline]) });
  } catch (error) {
    signal.throwIfAborted();
    enough.signal.throwIfAborted();
    throw deadline.aborted ? tooSlow(milliseconds) : notRead(error);
  } finally {
    await worker.terminate();
  }
  // An unread file must never count as a file without manifests: the integrations that it names would be pruned.
  if (read.length !== files.length) throw notRead(undefined);
  return { manifests: read.flatMap((one) => one.manifests), faults: read.flatMap((one) => one.faults) };
}

function timeFor(files: readonly FileText[]): number {
  const characters = files.reduce((sum, { text }) => sum + text.length, 0);
  return Math.ceil(readLimits.milliseconds + (characters / 1024 ** 2) * readLimits.millisecondsPerMebibyte);
}

function tooSlow(milliseconds: number): ProblemError {
  return new ProblemError(
    "source_unreachable",
    `The manifests can't be read within ${Math.round(milliseconds / 1000)} s. Make the files fewer or simpler, or divide the source.`,
    { cause: "too-slow-to-read" },
  );
}

function tooMany(): ProblemError {
  return new ProblemError(
    "source_unreachable",
    `The source has more than ${readLimits.manifests} manifests and faults. Mend the faults, or divide the source.`,
    { cause: "too-many" },
  );
}

function notRead(error: unknown): ProblemError {
  if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY")
    return new ProblemError(
      "source_unreachable",
      "The manifests take too much memory to read. Make the files fewer or simpler, or divide the source.",
      { cause: "too-large-to-read" },
    );
  return new ProblemError(
    "source_unreachable",
    "The reading of the manifests ended before its time. Fetch the source again; if it stays, look at the newest change of its files.",
    { cause: "reading-failed" },
  );
}
