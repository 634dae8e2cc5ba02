/** The engine's configuration. */
import type { CliSpan, Pins } from "./engine.ts";
import type { SecretsConfig } from "./stack-settings.ts";

export interface EngineConfig {
  /** Holds `bin/pulumi` */
  cliRoot: string;
  /** Holds `plugins/`; the CLI can't write logs there (work-folder.ts) */
  pulumiHome: string;
  /** Work folders are made below it */
  dataDir: string;
  /** Folder for the runners' compiled modules. Default: below `dataDir` */
  compileCache?: string;
  /** The service's state URL, `s3://bucket[/prefix]?region=…` */
  stateUrl: string;
  secrets: SecretsConfig;
  /** Where AWS is, if it isn't AWS: the sandbox's emulator */
  awsEndpoint?: string;
  /** The expected CLI and plugin. Both pins are required unless all endpoints are on loopback. */
  pins?: Pins;
  /** How many updates may run at the same time */
  runners: number;
  /** After this many updates, a runner is replaced */
  recycleAfter: number;
  /** Sandbox and tests: more variables for the CLI and its plugin */
  extraEnvironment?: Record<string, string>;
  /** Tests: URL of another module; the runners run its `programs` */
  registry?: string;
  /** Milliseconds between an interrupt and the kill. Default: 60,000 */
  graceMs?: number;
  /** Given if operations are traced: gets what the CLI did in an update of this operation */
  onSpans?: (operationId: string, spans: CliSpan[]) => void;
  /** The variables that the allow-list picks from (PATH, proxies). Default: the process's own */
  host?: Record<string, string | undefined>;
}
