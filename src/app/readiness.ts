/** Whether operations can run now: one check for each thing that they need, with a sentence that anybody may read. */
import { doesStateBucketAnswer } from "../accounts/state-bucket.ts";
import type { Config } from "../config.ts";
import type { Engine } from "../engine/engine.ts";
import type { Readiness, ReadinessCheck } from "../http/server/api.ts";
import type { Capacity } from "../operations/capacity.ts";
import { doesStoreAnswer } from "../store/answers.ts";
import type { Store } from "../store/store.ts";

/** Seconds for which the results of the slow checks (CLI, plugin, state bucket) are reused */
const FRESH = 15;

interface Parts {
  config: Config;
  engine: Engine;
  store: Store;
  draining: () => boolean;
  frozen: () => unknown;
  capacity: Pick<Capacity, "shortages">;
}

/** Returns the function behind /readyz. It repeats slow checks only after 15 s. */
export function createReadiness({ config, engine, store, draining, frozen, capacity }: Parts): () => Promise<Readiness> {
  const slow = remembered(async () => [...(await engineChecks(engine)), await stateBucketCheck(config)]);
  return async () => {
    const checks = [...(await slow()), await storeCheck(store), ...(await capacityChecks(capacity))];
    if (draining()) checks.push({ name: "service", ok: false, detail: "Shutting down: running operations end, no new one begins." });
    // The service stays ready: otherwise a load balancer would also refuse the call that ends the freeze.
    if (frozen()) checks.push({ name: "freeze", ok: true, detail: "Frozen: nothing is written to AWS until an administrator resumes." });
    return { ready: checks.every((check) => check.ok), checks };
  };
}

function remembered<T>(read: () => Promise<T>): () => Promise<T> {
  let last: { at: number; value: Promise<T> } | undefined;
  return () => {
    if (!last || Date.now() - last.at > FRESH * 1000) last = { at: Date.now(), value: read() };
    return last.value;
  };
}

async function engineChecks(engine: Engine): Promise<ReadinessCheck[]> {
  const { cli, plugin } = await engine.check();
  return [
    "code" in cli
      ? { name: "cli", ok: false, detail: cli.detail }
      : { name: "cli", ok: true, detail: "The Pulumi CLI answers.", version: cli.version },
    "code" in plugin
      ? { name: "plugin", ok: false, detail: plugin.detail }
      : { name: "plugin", ok: true, detail: pluginSentence[plugin.plugin], plugin: plugin.plugin, version: plugin.version },
  ];
}

const pluginSentence = {
  official: "Pulumi's official AWS plugin is installed.",
  "stand-in": "The sandbox's stand-in for the AWS plugin is in use: nothing here reaches AWS.",
};

async function stateBucketCheck(config: Config): Promise<ReadinessCheck> {
  const ok = await doesStateBucketAnswer(config);
  const silence = "The state bucket doesn't answer. Check DRAWBRIDGE_STATE_URL and the service's credentials.";
  return { name: "state-bucket", ok, detail: ok ? "The state bucket answers." : silence };
}

/** A full disk makes the service unready, because nothing can be recorded. Without memory, operations only wait. */
async function capacityChecks(capacity: Pick<Capacity, "shortages">): Promise<ReadinessCheck[]> {
  const short = await capacity.shortages();
  const disk = short.find(({ of }) => of === "disk");
  const memory = short.find(({ of }) => of === "memory");
  return [
    { name: "disk", ok: disk === undefined, detail: disk ? `${disk.detail} No operation starts.` : "There is space on the disks." },
    { name: "memory", ok: true, detail: memory ? `${memory.detail} Operations wait for it.` : "There is memory for another update." },
  ];
}

async function storeCheck(store: Store): Promise<ReadinessCheck> {
  const ok = await doesStoreAnswer(store);
  return { name: "store", ok, detail: ok ? `The ${store.kind} store answers.` : `The ${store.kind} store doesn't answer.` };
}
