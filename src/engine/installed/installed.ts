/** The installed programs that run updates, the CLI and the AWS plugin: their identity, and whether they match their pins. */
import { ProblemError } from "../../problem.ts";
import type { PluginIdentity } from "../engine.ts";
import type { EngineConfig } from "../engine-config.ts";
import { bareEnvironment } from "../environment.ts";
import { statePlace } from "../state/backend-url.ts";
import { cliPath, cliVersion } from "./cli.ts";
import { pinChecks } from "./pins.ts";
import { identifyPlugin, isLoopback, pluginPath } from "./plugin.ts";

export interface Installed {
  /** @throws `program_not_pinned`, `not_ready` */
  cli(): Promise<{ version: string }>;
  /** @throws `program_not_pinned`, `plugin_refused` */
  plugin(): Promise<PluginIdentity>;
  /** Checks that updates may run both. Starts no process. */
  expectPinned(): Promise<void>;
}

/** Looks at the programs in the configured folders. Starts the CLI only after `prepared` has resolved. */
export function lookInstalled(config: EngineConfig, host: Record<string, string | undefined>, prepared: Promise<unknown>): Installed {
  const endpoints = [config.awsEndpoint, statePlace(config.stateUrl).endpoint];
  const checkPin = pinChecks();
  const mustBePinned = !endpoints.every((endpoint) => endpoint !== undefined && isLoopback(endpoint));
  const pinned = async (what: string, file: string, pin: string | undefined) => {
    if (pin !== undefined) await checkPin(what, file, pin);
    else if (mustBePinned)
      throw new ProblemError("program_not_pinned", `${what} has no pinned SHA-256. npm run setup prints the settings.`);
  };
  const cliPinned = () => pinned("The Pulumi CLI", cliPath(config.cliRoot), config.pins?.cli);
  const plugin = async () => {
    const identity = await identifyPlugin(config.pulumiHome, endpoints);
    await pinned("The AWS plugin", pluginPath(config.pulumiHome), config.pins?.plugin);
    return identity;
  };
  // Kept, because asking starts a process and readiness asks often.
  let known: Promise<{ version: string }> | undefined;
  return {
    plugin,
    async cli() {
      await cliPinned();
      known ??= prepared.then(() => cliVersion(config.cliRoot, bareEnvironment(host, config.pulumiHome))).then((version) => ({ version }));
      known.catch(() => {
        known = undefined;
      });
      return known;
    },
    async expectPinned() {
      await Promise.all([plugin(), cliPinned()]);
    },
  };
}
