/** A few forked runners, loaded and waiting. Each runs one operation at a time; none outlives a doubt about it. */
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ProblemError } from "../problem.ts";
import { killByMarker, startTimeOf } from "../processes.ts";
import type { RunnerIdentity, StepEvent, UpdateResult } from "./engine.ts";
import { runnerEnvironment } from "./environment.ts";
import type { FromRunner, RunOrder, ToRunner } from "./runner-protocol.ts";

export interface PoolConfig {
  size: number;
  /** Updates after which a runner is replaced: the SDK keeps some 24 KB of each (measured) */
  recycleAfter: number;
  /** bytes of resident memory after an update above which a runner is replaced */
  maxRss: number;
  /** milliseconds between an interrupt and the kill; AWS calls in flight need them to end */
  graceMs: number;
  cliRoot: string;
  /** URL of the module whose `programs` the runners run */
  registry: string;
  pulumiHome: string;
  /** Folder for Node's compiled modules */
  compileCache: string;
  host: Record<string, string | undefined>;
}

export interface RunWishes {
  onStep: (step: StepEvent) => void;
  onRunner?: ((runner: RunnerIdentity) => Promise<void> | void) | undefined;
  signal?: AbortSignal | undefined;
  /** milliseconds */
  deadline: number;
}

export interface RunnerPool {
  run(order: RunOrder, wishes: RunWishes): Promise<UpdateResult>;
  close(): Promise<void>;
}

interface Runner {
  uuid: string;
  child: ChildProcess;
  /** Settles when Pulumi is loaded; rejects if the process ends before. */
  ready: Promise<void>;
  updates: number;
}

const runnerFile = new URL(import.meta.url.endsWith(".ts") ? "./runner.ts" : "./runner.js", import.meta.url);

function startRunner(config: PoolConfig): Runner {
  const uuid = randomUUID();
  const child = fork(runnerFile, [config.cliRoot, config.registry, uuid], {
    env: runnerEnvironment(config.host, { ...config, runner: uuid }),
    execArgv: [],
    // What programs print may hold documents and ids; what matters comes over the channel.
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const ready = new Promise<void>((resolve, reject) => {
    const failed = () => reject(new ProblemError("not_ready", "A runner couldn't load Pulumi. Run the set-up again."));
    child.on("error", failed);
    child.once("exit", failed);
    child.on("message", (message: FromRunner) => message.type === "ready" && resolve());
  });
  ready.catch(() => {});
  return { uuid, child, ready, updates: 0 };
}

const isLive = ({ child }: Runner) => child.exitCode === null && child.signalCode === null;

async function endRunner(runner: Runner): Promise<void> {
  const { child, uuid } = runner;
  if (isLive(runner)) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
  // The CLI and its plugins inherit the runner's mark.
  await killByMarker({ runner: uuid }, { graceMs: 0 });
}

/** Another owner may begin ten seconds after a lost lease is noticed (design: TTL 30 s, noticed at 20 s). */
const lostLeaseGraceMs = 5_000;

const stopping = () => new ProblemError("not_ready", "The service is stopping. Try again.");
const interrupted = () =>
  new ProblemError("operation_interrupted", "The process that ran the update ended before it. What it had done is in state; run it again.");

/** Sends the order and waits for its end, the runner's end, an abort or the deadline, whichever comes first. */
async function perform(runner: Runner, order: RunOrder, wishes: RunWishes, graceMs: number): Promise<UpdateResult & { rss: number }> {
  const { child } = runner;
  const send = (message: ToRunner) => child.connected && child.send(message, () => {});
  const stopped = new AbortController();
  let because: ProblemError | undefined;
  let onExit = () => {};
  const interrupt = (reason: ProblemError) => {
    if (because) return;
    because = reason;
    send({ type: "abort" });
    sleep(reason.problem.cause === "lease-lost" ? Math.min(graceMs, lostLeaseGraceMs) : graceMs, undefined, {
      signal: stopped.signal,
    }).then(
      () => endRunner(runner),
      () => {},
    );
  };
  const onAbort = () => interrupt(abortReason(wishes.signal));
  const timer = setTimeout(
    () =>
      interrupt(new ProblemError("operation_timeout", "The update ran past its deadline and was stopped. What it had done is in state.")),
    wishes.deadline,
  );
  try {
    return await new Promise((resolve, reject) => {
      onExit = () => reject(because ?? interrupted());
      child.once("exit", onExit);
      child.on("message", (message: FromRunner) => {
        if (message.type === "step") wishes.onStep(message.step);
        if (message.type === "finished") resolve({ ...message.result, rss: message.rss });
        if (message.type === "failed")
          reject(because ?? new ProblemError(message.problem.code, message.problem.detail, causeOf(message.problem.cause)));
      });
      if (!isLive(runner)) reject(interrupted());
      wishes.signal?.addEventListener("abort", onAbort, { once: true });
      send({ type: "run", order });
      if (wishes.signal?.aborted) onAbort();
    });
  } finally {
    clearTimeout(timer);
    stopped.abort();
    wishes.signal?.removeEventListener("abort", onAbort);
    child.off("exit", onExit);
    child.removeAllListeners("message");
  }
}

/** Whoever aborts with a problem of his own keeps it. */
function abortReason(signal: AbortSignal | undefined): ProblemError {
  if (signal?.reason instanceof ProblemError) return signal.reason;
  return new ProblemError("operation_interrupted", "The operation was stopped. What it had done is in state.");
}

const causeOf = (cause: string | undefined) => (cause === undefined ? {} : { cause });

/** Starts `size` runners and hands out one per update, first come, first served. */
export function startRunnerPool(config: PoolConfig): RunnerPool {
  const idle: Runner[] = [];
  const waiting: { resolve: (runner: Runner) => void; reject: (error: Error) => void }[] = [];
  const all = new Set<Runner>();
  let closed = false;

  function add(): void {
    if (closed) return;
    const runner = startRunner(config);
    all.add(runner);
    release(runner);
  }
  function release(runner: Runner): void {
    const next = waiting.shift();
    if (next) next.resolve(runner);
    else idle.push(runner);
  }
  async function discard(runner: Runner): Promise<void> {
    all.delete(runner);
    await endRunner(runner);
    add();
  }
  /** One may have died while it waited. */
  function idleRunner(): Runner | undefined {
    for (let runner = idle.shift(); runner; runner = idle.shift()) {
      if (isLive(runner)) return runner;
      void discard(runner);
    }
    return undefined;
  }
  /** Waits in line; who is stopped leaves it. */
  function nextRunner(signal: AbortSignal | undefined): Promise<Runner> {
    return new Promise((resolve, reject) => {
      const place = { resolve, reject };
      waiting.push(place);
      const leave = () => {
        if (waiting.includes(place)) waiting.splice(waiting.indexOf(place), 1);
        reject(abortReason(signal));
      };
      signal?.addEventListener("abort", leave, { once: true });
    });
  }
  async function acquire(signal: AbortSignal | undefined): Promise<Runner> {
    if (closed) throw stopping();
    if (signal?.aborted) throw abortReason(signal);
    const runner = idleRunner() ?? (await nextRunner(signal));
    if (!signal?.aborted) return runner;
    release(runner);
    throw abortReason(signal);
  }

  for (let i = 0; i < config.size; i++) add();
  return {
    async run(order, wishes) {
      const runner = await acquire(wishes.signal);
      try {
        await runner.ready;
        const pid = runner.child.pid ?? 0;
        await wishes.onRunner?.({ uuid: runner.uuid, pid, startTime: (await startTimeOf(pid)) ?? "" });
        const { rss, ...result } = await perform(runner, order, wishes, config.graceMs);
        runner.updates += 1;
        const spent = runner.updates >= config.recycleAfter || rss > config.maxRss;
        if (spent) void discard(runner);
        else release(runner);
        return result;
      } catch (error) {
        await discard(runner);
        throw error;
      }
    },
    async close() {
      closed = true;
      for (const { reject } of waiting.splice(0)) reject(stopping());
      await Promise.all([...all].map(endRunner));
      all.clear();
    },
  };
}
