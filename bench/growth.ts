/** Three services side by side over stores of 10, 100 and 1,000 tenants; each round asks all three for the same work. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { accountIds } from "../sandbox/accounts.ts";
import { createApi } from "../sandbox/api.ts";
import { startService } from "../sandbox/service.ts";
import { openStore } from "../src/store/store.ts";
import { type Arena, openArena, verbs } from "./arena.ts";
import { conductorOne, named, requestOf } from "./integration.ts";
import { compare, type Result, type Target } from "./result.ts";
import { fill } from "./synthetic.ts";

const sizes = [10, 100, 1_000] as const;
const rounds = 4;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

interface Grown {
  tenants: number;
  api: ReturnType<typeof createApi>;
  put: Arena["put"];
  destroy: Arena["destroy"];
  times: Record<"create" | "destroy" | "list", number[]>;
  stop(): Promise<unknown>;
}

async function grow(arena: Arena, tenants: number): Promise<Grown> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), "drawbridge-bench-growth-"));
  const store = await openStore({ dataDir, log: silent });
  try {
    await fill(store, { tenants, integrations: 1, operations: 5 });
    // The account's role trusts one id, whichever of the services comes.
    await store.db
      .insertInto("provisioning_external_ids")
      .values({ account_id: accountIds.tenant, external_id: arena.externalId })
      .execute();
  } finally {
    await store.close();
  }
  const service = await startService(arena.sandbox, { environment: { DRAWBRIDGE_DATA_DIR: dataDir, DRAWBRIDGE_RUNNERS: "1" } });
  const api = createApi(service);
  const stop = async () => {
    await service.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { tenants, api, ...verbs(api), times: { create: [], destroy: [], list: [] }, stop };
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
      for (const { tenants, api, put, destroy, times } of grown) {
        const [tenant, name] = [`growing-${tenants}`, `size-${tenants}-${round}`];
        const body = requestOf(named(conductorOne, name), `bench-${name}-2b9e41`);
        await timed(times.create, () => put(tenant, name, body), round > 0);
        for (const list of ["tenants", "operations"]) await timed(times.list, () => api.call("GET", `/v1/${list}?limit=50`), round > 0);
        await timed(times.destroy, () => destroy(tenant, name), round > 0);
      }
    }
    return (["create", "destroy", "list"] as const).flatMap((what) => resultsOf(grown, what));
  } finally {
    for (const { stop } of grown) await stop();
    await arena.stop();
  }
}

const titles = { create: "create", destroy: "destroy", list: "a page of 50 tenants or operations" };

function resultsOf(grown: readonly Grown[], what: keyof Grown["times"]): Result[] {
  const [small, ...larger] = grown;
  return larger.map(({ tenants, times }) => {
    const target: Target | undefined = tenants === 1_000 ? { of: "ratio", atMost: 1.25 } : undefined;
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
