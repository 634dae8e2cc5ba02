/** Three services side by side over stores of 10, 100 and 1,000 tenants; each round asks all three for the same work. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createApi } from "../sandbox/api.ts";
import { startService } from "../sandbox/service.ts";
import { tenantsDueForSweep } from "../src/store/drift.ts";
import { findLeases } from "../src/store/leases.ts";
import { operationsInState, queuedIds } from "../src/store/operations.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { type Arena, openArena, verbs } from "./arena.ts";
import { conductorOne, named, requestOf } from "./integration.ts";
import { compare, type Result, type Target } from "./result.ts";
import { fill } from "./synthetic.ts";

const sizes = [10, 100, 1_000] as const;
const rounds = 3;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** `recovery` and `sweep` are what every replica asks of the store again and again: every 5 s and every 30 s. */
const whats = ["create", "destroy", "list", "recovery", "sweep"] as const;
type What = (typeof whats)[number];

interface Grown {
  tenants: number;
  api: ReturnType<typeof createApi>;
  put: Arena["put"];
  destroy: Arena["destroy"];
  times: Record<What, number[]>;
  stop(): Promise<unknown>;
}

async function grow(arena: Arena, tenants: number): Promise<Grown> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), "drawbridge-bench-growth-"));
  const store = await openStore({ dataDir, log: silent });
  const times: Grown["times"] = { create: [], destroy: [], list: [], recovery: [], sweep: [] };
  try {
    await fill(store, { tenants, integrations: 1, operations: 5 });
    await timeScans(store, times);
  } finally {
    await store.close();
  }
  const service = await startService(arena.sandbox, { environment: { DRAWBRIDGE_DATA_DIR: dataDir, DRAWBRIDGE_RUNNERS: "1" } });
  const api = createApi(service);
  const stop = async () => {
    await service.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { tenants, api, ...verbs(api), times, stop };
}

/** What recovery looks through, and which tenants are due for a look at drift: none here, so that the search alone is timed. */
async function timeScans({ db }: Store, times: Grown["times"]): Promise<void> {
  const recovery = async () => {
    await Promise.all([findLeases(db), operationsInState(db, "running"), queuedIds(db)]);
  };
  for (let round = 0; round <= 10; round++) {
    await timed(times.recovery, recovery, round > 0);
    await timed(times.sweep, () => tenantsDueForSweep(db, 6 * 3_600, 20), round > 0);
  }
}

async function timed(into: number[], work: () => Promise<unknown>, keep: boolean): Promise<void> {
  const started = performance.now();
  await work();
  if (keep) into.push(performance.now() - started);
}

/** Creates, list pages and destroys at each size, in turns. */
export async function runGrowth(): Promise<Result[]> {
  const arena = await openArena();
  const grown: Grown[] = [];
  try {
    for (const size of sizes) {
      const one = await grow(arena, size);
      grown.push(one);
      await arena.register(one.api, `growing-${size}`);
    }
    for (let round = 0; round <= rounds; round++) {
      console.log(`  round ${round} of ${rounds}`);
      for (const { tenants, api, put, destroy, times } of grown) {
        const [tenant, name] = [`growing-${tenants}`, `size-${tenants}-${round}`];
        const body = requestOf(named(conductorOne, name), `bench-${name}-2b9e41`);
        await timed(times.create, () => put(tenant, name, body), round > 0);
        for (const list of ["tenants", "operations"]) await timed(times.list, () => api.call("GET", `/v1/${list}?limit=50`), round > 0);
        await timed(times.destroy, () => destroy(tenant, name), round > 0);
      }
    }
    return whats.flatMap((what) => resultsOf(grown, what));
  } finally {
    for (const { stop } of grown) await stop();
    await arena.stop();
  }
}

const titles = {
  create: "create",
  destroy: "destroy",
  list: "a page of 50 tenants or operations",
  recovery: "a recovery scan with nothing to recover",
  sweep: "the search for tenants that are due for a drift sweep",
};

function resultsOf(grown: readonly Grown[], what: What): Result[] {
  const [small, ...larger] = grown;
  return larger.map(({ tenants, times }) => {
    const isOperation = what === "create" || what === "destroy";
    const target: Target | undefined = tenants === 1_000 && isOperation ? { of: "ratio", atMost: 1.25 } : undefined;
    return compare({
      name: tenants === 1_000 && what === "create" ? "growth" : `growth.${what}.${tenants}`,
      title: `${titles[what]} at ${tenants.toLocaleString("en-US")} tenants`,
      unit: "ms",
      against: "at 10 tenants",
      ...(target && { target }),
      ours: times[what],
      baseline: small?.times[what] ?? [],
    });
  });
}
