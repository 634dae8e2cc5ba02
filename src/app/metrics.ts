/** Metrics of what limits the service. They are read when a metrics request comes, and name no tenant. */
import { Gauge, type Registry } from "prom-client";
import type { Capacity } from "../operations/capacity.ts";
import type { Queue } from "../operations/queue/queue.ts";
import { countLeftAlone } from "../store/account-refusals.ts";
import type { Db } from "../store/database/transaction.ts";
import { diskFree, memoryLeft } from "./machine.ts";

interface Measured {
  capacity: Pick<Capacity, "waiting">;
  queue: Pick<Queue, "depth">;
  db: Db;
  folders: readonly string[];
}

/** Adds the gauges to the registry. */
export function measureBounds(registry: Registry, { capacity, queue, db, folders }: Measured): void {
  const gauge = (name: string, help: string, read: () => Promise<number>) =>
    new Gauge({
      name: `drawbridge_${name}`,
      help,
      registers: [registry],
      async collect() {
        this.set(await read());
      },
    });
  gauge("operations_waiting", "Operations in the queue, not parents or revocations", async () => (await queue.depth()).waiting);
  gauge(
    "operations_running",
    "Operations that run, over all replicas, not parents or revocations",
    async () => (await queue.depth()).running,
  );
  gauge("operations_short_of_room", "Operations of this process that wait for memory or disk space", async () => capacity.waiting());
  gauge("memory_left_bytes", "Memory that the machine or container has left", async () => (await memoryLeft()) ?? Number.NaN);
  gauge("disk_free_bytes", "Space on the fullest disk that operations write to", async () =>
    Math.min(...(await diskFree(folders)).map(({ free }) => free)),
  );
  gauge("accounts_left_alone", "Provisioning roles that refused so often that they aren't tried now", () => countLeftAlone(db));
}
