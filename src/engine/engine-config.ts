/** What the engine needs to know of its surroundings. */
import type { CliSpan, Pins } from "./engine.ts";
import type { SecretsConfig } from "./stack-settings.ts";

export interface EngineConfig {
  /** Holds `bin/pulumi` */
  cliRoot: string;
  /** Holds `plugins/`; the CLI is kept from logging there */
  pulumiHome: string;
  /** Work folders are made below it, one per operation */
  dataDir: string;
  /** Where runners keep compiled modules; below `dataDir` unless told */
  compileCache?: string;
  /** The service's state URL, `s3://bucket[/prefix]?region=…` */
  stateUrl: string;
  secrets: SecretsConfig;
  /** Where AWS is, when it isn't AWS: the sandbox's emulator */
  awsEndpoint?: string;
  /** What the CLI and the plugin must be. Both are needed unless all that is talked to is on loopback. */
  pins?: Pins;
  /** How many updates may run side by side */
  runners: number;
  /** Updates per runner */
  recycleAfter: number;
  /** Sandbox and tests: more variables for the CLI and its plugin */
  extraEnvironment?: Record<string, string>;
  /** Tests: URL of another module whose `programs` the runners run */
  registry?: string;
  /** milliseconds between an interrupt and the kill; 60,000 unless given */
  graceMs?: number;
  /** Given where somebody traces operations: what the CLI did in an update of this operation */
  onSpans?: (operationId: string, spans: CliSpan[]) => void;
  /** The variables that the allow-list picks from (PATH, proxies); the process's own unless given */
  host?: Record<string, string | undefined>;
}
