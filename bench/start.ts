/** From the start of the process until `/readyz` says ready, with an empty store and with 10,000 records in it. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { startSandbox } from "../sandbox/sandbox.ts";
import { startService } from "../sandbox/service.ts";
import { openStore } from "../src/store/store.ts";
import { compare, type Result } from "./result.ts";
import { fill } from "./synthetic.ts";

const rounds = 4;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

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
    const times = { empty: [] as number[], full: [] as number[] };
    for (let round = 0; round <= rounds; round++) {
      const [one, other] = [await start(empty), await start(full)];
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
    ];
  } finally {
    await sandbox.stop();
    await rm(root, { recursive: true, force: true });
  }
}
