/** Tells which `aws` plugin the CLI would start: the official one, or the sandbox's stand-in, which is only for loopback. */
import { readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { ProblemError } from "../../problem.ts";
import type { PluginIdentity } from "../engine.ts";

/** The plugin version that the programs were written against. It comes from the package's package.json, without loading the package. */
export function awsPluginVersion(): string {
  const { version } = createRequire(import.meta.url)("@pulumi/aws/package.json") as { version: string };
  return version;
}

/** Whether a URL names this host (RFC 6761 localhost, 127.0.0.0/8, ::1). */
export function isLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const host = new URL(url).hostname;
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The path where the CLI finds the plugin in a PULUMI_HOME. */
export function pluginPath(pulumiHome: string): string {
  return path.join(pulumiHome, "plugins", `resource-aws-v${awsPluginVersion()}`, "pulumi-resource-aws");
}

/**
 * Identifies the plugin in a PULUMI_HOME by the marker file that the sandbox puts beside its own plugin. `endpoints` are all endpoints that
 * the service uses; undefined stands for AWS itself.
 *
 * @throws `plugin_refused` when there is no plugin, or when it is the stand-in and an endpoint isn't loopback
 */
export async function identifyPlugin(pulumiHome: string, endpoints: (string | undefined)[]): Promise<PluginIdentity> {
  const version = awsPluginVersion();
  const binary = pluginPath(pulumiHome);
  const file = await stat(binary).catch(() => undefined);
  if (!file?.isFile()) throw new ProblemError("plugin_refused", `The AWS plugin ${version} isn't installed. Run the set-up again.`);
  const mark = await readFile(path.join(path.dirname(binary), "stand-in.json"), "utf8").catch(() => undefined);
  if (mark === undefined) return { plugin: "official", version };
  if (!endpoints.every((endpoint) => endpoint !== undefined && isLoopback(endpoint)))
    throw new ProblemError(
      "plugin_refused",
      "The sandbox's stand-in plugin works against loopback endpoints only. Install the official one.",
    );
  return { plugin: "stand-in", version };
}
