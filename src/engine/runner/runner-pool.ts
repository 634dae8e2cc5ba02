/** A few forked runners that have loaded Pulumi and wait. Each runs one update at a time. A runner whose update failed is replaced. */
import { ProblemError } from "../../problem.ts";
import type { RunnerIdentity, StepEvent, UpdateResult } from "../engine.ts";
import { abortReason } from "./interruption.ts";
import { createLine } from "./line.ts";
import { perform } from "./perform.ts";
import { endRunner, identityOf, isLive, type Runner, type RunnerSettings, startRunner } from "./runner-process.ts";
import type { RunOrder } from "./runner-protocol.ts";

export interface PoolConfig extends RunnerSettings {
  size: number;
  /** Updates after which a runner is replaced: the SDK keeps about 24 KB of each update (measured) */
  recycleAfter: number;
  /** Bytes of resident memory after an update. Above that, a runner is replaced */
  maxRss: number;
  /** Milliseconds between an interrupt and the kill, so that running AWS calls can end */
  graceMs: number;
}

export interface RunOptions {
  onStep: (step: StepEvent) => void;
  onRunner?: ((runner: RunnerIdentity) => Promise<void> | void) | undefined;
  signal?: AbortSignal | undefined;
  /** milliseconds */
  deadline: number;
}

export interface RunnerPool {
  run(order: RunOrder, options: RunOptions): Promise<UpdateResult>;
  close(): Promise<void>;
}

const stopping = () => new ProblemError("not_ready", "The service is stopping. Try again.");

/** Starts `size` runners and gives one to each update, first come, first served. */
export function startRunnerPool(config: PoolConfig): RunnerPool {
  const line = createLine<Runner>();
  const all = new Set<Runner>();
  let closed = false;

  function add(): void {
    if (closed) return;
    const runner = startRunner(config);
    all.add(runner);
    line.give(runner);
  }
  async function discard(runner: Runner): Promise<void> {
    all.delete(runner);
    await endRunner(runner);
    add();
  }
  /** A runner may have ended while it waited. */
  function idleRunner(): Runner | undefined {
    for (let runner = line.take(); runner; runner = line.take()) {
      if (isLive(runner)) return runner;
      void discard(runner);
    }
    return undefined;
  }
  async function acquire(signal: AbortSignal | undefined): Promise<Runner> {
    if (closed) throw stopping();
    if (signal?.aborted) throw abortReason(signal);
    const runner = idleRunner() ?? (await line.wait(signal));
    if (!signal?.aborted) return runner;
    line.give(runner);
    throw abortReason(signal);
  }

  for (let i = 0; i < config.size; i++) add();
  return {
    async run(order, { onRunner, ...options }) {
      const runner = await acquire(options.signal);
      try {
        await runner.ready;
        await onRunner?.(await identityOf(runner));
        const { rss, ...result } = await perform(runner, order, { ...options, graceMs: config.graceMs });
        runner.updates += 1;
        const spent = runner.updates >= config.recycleAfter || rss > config.maxRss;
        if (spent) void discard(runner);
        else line.give(runner);
        return result;
      } catch (error) {
        await discard(runner);
        throw error;
      }
    },
    async close() {
      closed = true;
      line.dismiss(stopping);
      await Promise.all([...all].map(endRunner));
      all.clear();
    },
  };
}
