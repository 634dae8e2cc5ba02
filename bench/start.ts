/** From the start of the process until `/readyz` says ready, with an empty store and with 10,000 records in it. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createApi } from "../sandbox/api.ts";
import { type Sandbox, startSandbox } from "../sandbox/sandbox.ts";
import { startService } from "../sandbox/service.ts";
import { openStore } from "../src/store/store.ts";
import { registerTenant, verbs } from "./arena.ts";
import { conductorOne, named, requestOf } from "./integration.ts";
import { compare, type Result } from "./result.ts";
import { fill } from "./synthetic.ts";

const rounds = 4;
const firsts = 2;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** A data folder and a compile cache that nobody has used, as on a new machine whose CLI and plugin are there. */
async function firstIntegrations(sandbox: Sandbox, dataDir: string): Promise<{ first: number; second: number }> {
  const started = performance.now();
  const service = await startService(sandbox, { environment: { DRAWBRIDGE_DATA_DIR: dataDir } });
  try {
    const api = createApi(service);
    const { put, destroy } = verbs(api);
    await registerTenant(sandbox, api, "first");
    const make = (name: string) => put("first", name, requestOf(named(conductorOne, name), `bench-${name}-5c0d2a`));
    await make("one");
    const first = performance.now() - started;
    await make("two");
    const second = performance.now() - started - first;
    // The next round's names must be free in the account.
    for (const name of ["one", "two"]) await destroy("first", name);
    return { first, second };
  } finally {
    await service.stop();
  }
}

/** Both stores in turns; the first start of each makes caches and isn't counted. */
export async function runStart(): Promise<Result[]> {
  const root = await mkdtemp(path.join(os.tmpdir(), "drawbridge-bench-start-"));
  const sandbox = await startSandbox({ dataDir: root, log: () => {} });
  const [empty, full] = [path.join(root, "empty"), path.join(root, "full")];
  try {
    for (const [dataDir, integrations] of [
      [empty, 0],
      [full, 100],
    ] as const) {
      const store = await openStore({ dataDir, log: silent });
      if (integrations > 0) await fill(store, { tenants: 100, integrations, operations: 1 });
      await store.close();
    }
    const start = async (dataDir: string) => {
      const started = performance.now();
      const service = await startService(sandbox, { environment: { DRAWBRIDGE_DATA_DIR: dataDir } });
      const took = performance.now() - started;
      await service.stop();
      return took;
    };
    const times = { empty: [] as number[], full: [] as number[], first: [] as number[], second: [] as number[] };
    for (let round = 0; round <= rounds; round++) {
      const [one, other] = [await start(empty), await start(full)];
      const fresh = round < firsts ? await firstIntegrations(sandbox, path.join(root, `fresh-${round}`)) : undefined;
      times.first.push(...(fresh ? [fresh.first] : []));
      times.second.push(...(fresh ? [fresh.second] : []));
      if (round === 0) continue;
      times.empty.push(one);
      times.full.push(other);
    }
    return [
      compare({
        name: "start",
        title: "Start until ready, PGlite with 10,000 records",
        unit: "ms",
        against: "empty store",
        ours: times.full,
        baseline: times.empty,
      }),
      compare({
        name: "start.first",
        title: "From nothing (CLI cached) to the first integration, start included",
        unit: "ms",
        against: "the second integration there",
        ours: times.first,
        baseline: times.second,
      }),
    ];
  } finally {
    await sandbox.stop();
    await rm(root, { recursive: true, force: true });
  }
}
