/** One service process. It is started again after each kill, as a supervisor would do. */
import { once } from "node:events";
import { type Api, createApi } from "../../sandbox/api.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { type RunningService, startService } from "../../sandbox/service.ts";
import { kill, killOne, updateProcesses, type Victim } from "./victims.ts";

export interface Replica {
  service(): RunningService;
  api(): Api;
  pulumiHome: string;
  /** Resolves when a start in progress has ended. */
  settled(): Promise<void>;
  /** Kills with SIGKILL. A killed service is started again at once. Returns how many processes were killed. */
  kill(victim: Victim): Promise<number>;
  /** The same, but kills at most one process of an update. */
  killOne(victim: Victim, random: () => number): Promise<number>;
  /** Ends the service with `signal`. Returns its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Starts the service again. */
  again(): Promise<void>;
  /** `end`, then `again`. */
  restart(signal?: NodeJS.Signals): Promise<number | null>;
  /** How many processes of updates run now: of one operation, or of all. */
  updating(operation?: string): Promise<number>;
  stop(): Promise<void>;
}

interface ReplicaOptions {
  sandbox: Sandbox;
  environment: Record<string, string>;
  pulumiHome: string;
  token: string;
}

export async function startReplica({ sandbox, environment, pulumiHome, token }: ReplicaOptions): Promise<Replica> {
  const start = () => startService(sandbox, { environment: { ...environment, DRAWBRIDGE_ADMIN_TOKEN: token }, readyWithin: 120 });
  let running = await start();
  let api = createApi({ url: running.url, token });
  let starting: Promise<void> = Promise.resolve();

  const again = () => {
    starting = starting
      .then(() => start())
      .then((next) => {
        running = next;
        api = createApi({ url: next.url, token });
      });
    starting.catch(() => {});
    return starting;
  };
  const end = async (signal: NodeJS.Signals) => {
    const { process: child } = running;
    const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
    child.kill(signal);
    return ended;
  };
  const dies = (victim: Victim) => victim === "service" || victim === "machine";
  const gone = async () => {
    if (running.process.exitCode === null && running.process.signalCode === null) await once(running.process, "exit");
  };
  return {
    service: () => running,
    api: () => api,
    pulumiHome,
    settled: () => starting,
    async kill(victim) {
      const dead = await kill(victim, running.process.pid, pulumiHome);
      if (dies(victim)) void again();
      return dead;
    },
    async killOne(victim, random) {
      await starting;
      const dead = await killOne(victim, { service: running.process.pid, pulumiHome, random });
      if (dies(victim)) await gone().then(again);
      return dead;
    },
    end,
    again,
    async restart(signal = "SIGTERM") {
      const code = await end(signal);
      await again();
      return code;
    },
    updating: async (operation) => (await updateProcesses(pulumiHome, operation)).filter(({ kind }) => kind !== "runner").length,
    async stop() {
      await starting.catch(() => {});
      await running.stop();
    },
  };
}
