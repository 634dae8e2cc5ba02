/**
 * One update of one stack: makes sure that the stack exists, gives the update its own folder, does its runs one after the other, and cleans
 * up.
 */
import path from "node:path";
import { type ProblemCode, problemOf } from "../problem.ts";
import { cliSpansIn } from "./cli-spans.ts";
import type { UpdateRequest, UpdateResult } from "./engine.ts";
import type { EngineConfig } from "./engine-config.ts";
import { operationMark } from "./environment.ts";
import { layOut, runsFor, together } from "./orders.ts";
import type { RunnerPool, RunOptions } from "./runner/runner-pool.ts";
import { clearDeadLocks } from "./state/repair.ts";
import type { StateBackend } from "./state/state-backend.ts";
import { dropWorkFolder } from "./work-folder.ts";

interface Surroundings {
  config: EngineConfig;
  /** Work folders are made below it */
  folders: string;
  host: Record<string, string | undefined>;
  pool: RunnerPool;
}

const endedByDeath: readonly ProblemCode[] = ["operation_timeout", "operation_interrupted", "update_unknown"];

/** Runs the request to its end, on the stack's state. */
export async function updateStack(
  { config, folders, host, pool }: Surroundings,
  request: UpdateRequest,
  state: StateBackend,
  options: RunOptions,
): Promise<UpdateResult> {
  const mark = operationMark(request.operationId, request.epoch);
  // An operation may update several stacks side by side, each in a folder of its own.
  const folder = path.join(folders, mark, request.address.stack);
  // A destroy of a stack that was never made has nothing to do, but it must return a result.
  const checkpoint = await state.readCheckpoint();
  if (!checkpoint) await state.createStack();
  const run = async () => {
    const order = await layOut(config, request, checkpoint, { folder, mark, host });
    const results: UpdateResult[] = [];
    for (const part of runsFor(order, request, checkpoint)) results.push(await pool.run(part, options));
    return together(results);
  };
  try {
    return await run();
  } catch (error) {
    const { code } = problemOf(error);
    // The lock may belong to a process that has ended. An update always removes the lock of its own CLI.
    if (code === "stack_locked" && (await clearDeadLocks(state)) > 0) return await run();
    if (endedByDeath.includes(code)) await clearDeadLocks(state).catch(() => 0);
    throw error;
  } finally {
    const spans = config.onSpans ? await cliSpansIn(folder) : [];
    await dropWorkFolder(folder);
    config.onSpans?.(request.operationId, spans);
  }
}
