/** Reads and checks the environment, once. Nothing else in src reads process.env. */
import path from "node:path";
import { z } from "zod";
import { type Issuer, issuersSchema } from "./access/identity/oidc.ts";
import { type LimitSettings, usualLimits } from "./access/limits/limits.ts";
import type { Pins } from "./engine/engine.ts";
import type { TlsFiles } from "./http/server/tls.ts";
import type { CollectorSettings } from "./tracing/export.ts";

const port = z.coerce.number().int().min(0).max(65535);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256: 64 hexadecimal digits in lower case");
const flag = z
  .enum(["true", "false"])
  .default("false")
  .transform((text) => text === "true");

const Environment = z.object({
  DRAWBRIDGE_HOST: z.string().default("127.0.0.1"),
  DRAWBRIDGE_PORT: port.default(8080),
  DRAWBRIDGE_TLS_CERT: z.string().min(1).optional(),
  DRAWBRIDGE_TLS_KEY: z.string().min(1).optional(),
  DRAWBRIDGE_TLS_CLIENT_CA: z.string().min(1).optional(),
  DRAWBRIDGE_ADMIN_PORT: port.optional(),
  DRAWBRIDGE_ADMIN_HOST: z.string().optional(),
  DRAWBRIDGE_ADMIN_ROUTES: flag,
  DRAWBRIDGE_DATA_DIR: z.string().default(".drawbridge"),
  DRAWBRIDGE_ADMIN_TOKEN: z.string().min(24, "at least 24 characters").optional(),
  DRAWBRIDGE_SECRETS_DIR: z.string().optional(),
  DRAWBRIDGE_STATE_URL: z.string().regex(/^s3:\/\/[a-z0-9.-]+(\/[A-Za-z0-9_./-]*)?(\?.*)?$/, "an s3:// URL"),
  DRAWBRIDGE_STATE_ROLE_ARN: z.string().optional(),
  DRAWBRIDGE_SECRETS_PROVIDER: z.string().startsWith("awskms://").optional(),
  DRAWBRIDGE_SECRETS_PASSPHRASE: z.string().min(1).optional(),
  DRAWBRIDGE_OWN_CREDENTIALS: flag,
  DRAWBRIDGE_RUNNERS: z.coerce.number().int().min(1).max(32).default(2),
  DRAWBRIDGE_TENANT_RUNNERS: z.coerce.number().int().min(1).max(32).optional(),
  DRAWBRIDGE_UPDATE_MEGABYTES: z.coerce.number().int().min(0).max(65_536).default(500),
  DRAWBRIDGE_FREE_DISK_MEGABYTES: z.coerce.number().int().min(0).default(200),
  DRAWBRIDGE_KEEP_DAYS: z.coerce.number().int().min(1).max(3650).default(90),
  DRAWBRIDGE_OPERATION_SECONDS: z.coerce.number().int().min(10).max(3600).default(900),
  DRAWBRIDGE_DRAIN_SECONDS: z.coerce.number().int().min(0).max(3600).default(120),
  DRAWBRIDGE_OIDC: z
    .string()
    .default("[]")
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue("a JSON list of issuers");
        return z.NEVER;
      }
    })
    .pipe(issuersSchema),
  DRAWBRIDGE_REQUESTS_PER_MINUTE: z.coerce.number().int().min(1).default(usualLimits.requestsPerMinute),
  DRAWBRIDGE_WRITES_PER_MINUTE: z.coerce.number().int().min(1).default(usualLimits.writesPerMinute),
  DRAWBRIDGE_DESTROYS_PER_HOUR: z.coerce.number().int().min(1).default(usualLimits.destroysPerHour),
  DRAWBRIDGE_STREAMS_PER_CALLER: z.coerce.number().int().min(1).default(usualLimits.streamsPerCaller),
  DRAWBRIDGE_LOG_LEVEL: z.enum(["error", "warn", "info", "debug"]).default("info"),
  DRAWBRIDGE_STAND_IN_FAIL: z.string().optional(),
  DATABASE_URL: z.string().startsWith("postgres").optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/, error: "an http or https URL" }).optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .regex(/^([A-Za-z0-9-]+=[^,=\s][^,]*)(,[A-Za-z0-9-]+=[^,=\s][^,]*)*$/, "name=value, separated by commas")
    .optional(),
  AWS_ENDPOINT_URL: z.url().optional(),
  AWS_REGION: z.string().default("us-east-1"),
  DRAWBRIDGE_CLI_SHA256: sha256.optional(),
  DRAWBRIDGE_PLUGIN_SHA256: sha256.optional(),
  PULUMI_CLI_ROOT: z.string().optional(),
  PULUMI_HOME: z.string().optional(),
  NODE_COMPILE_CACHE: z.string().optional(),
});

export interface Config {
  host: string;
  port: number;
  /** For both listeners. Without it, they use HTTP. */
  tls?: TlsFiles;
  /** A separate listener for `/healthz`, `/readyz` and `/metrics`; with `adminScope`, also for every route of that scope */
  admin?: { host: string; port: number; adminScope: boolean };
  dataDir: string;
  /** The folder of the files that sources name: git credentials, webhook secrets. */
  secretsDir: string;
  adminToken?: string;
  /** The accepted issuers of tokens (docs/security.md) */
  issuers: Issuer[];
  limits: LimitSettings;
  /** `s3://bucket[/prefix]?query` */
  stateUrl: string;
  /**
   * The role for every operation's state. The service assumes it, narrowed to the tenant's prefix. Without it, the service uses its own
   * credentials.
   */
  stateRoleArn?: string;
  secrets: { provider: "awskms"; url: string } | { provider: "passphrase"; passphrase: string };
  ownCredentials: boolean;
  runners: number;
  /** How many operations of one tenant run at the same time */
  tenantRunners: number;
  /** Memory that one update may need; 0 turns the check off */
  updateMegabytes: number;
  /** Below this free space, no operation begins. It applies to each disk that operations write to; 0 turns the check off */
  freeDiskMegabytes: number;
  /** How many days operations are kept after their end */
  keepDays: number;
  operationSeconds: number;
  drainSeconds: number;
  logLevel: "error" | "warn" | "info" | "debug";
  databaseUrl?: string;
  awsEndpoint?: string;
  /** The receiver of traces. Without it, no traces are made */
  collector?: CollectorSettings;
  region: string;
  cliRoot?: string;
  /** The expected digests of the CLI's and the plugin's executables */
  pins: Pins;
  /** Folder for the runners' compiled modules */
  compileCache?: string;
  pulumiHome: string;
  /** Passed on only to the sandbox's plugin (sandbox/README.md). */
  standInFail?: string;
}

/**
 * Returns the configuration from an environment such as process.env.
 *
 * @throws Error that names each missing or wrong variable and its expected form, but never its value
 */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`The environment is not complete:\n${lines.join("\n")}\nREADME.md lists every variable.`);
  }
  const env = parsed.data;
  const dataDir = path.resolve(env.DRAWBRIDGE_DATA_DIR);
  return {
    host: env.DRAWBRIDGE_HOST,
    port: env.DRAWBRIDGE_PORT,
    dataDir,
    secretsDir: path.resolve(env.DRAWBRIDGE_SECRETS_DIR ?? path.join(dataDir, "secrets")),
    stateUrl: env.DRAWBRIDGE_STATE_URL,
    secrets: secretsOf(env),
    ownCredentials: env.DRAWBRIDGE_OWN_CREDENTIALS,
    runners: env.DRAWBRIDGE_RUNNERS,
    tenantRunners: env.DRAWBRIDGE_TENANT_RUNNERS ?? env.DRAWBRIDGE_RUNNERS,
    updateMegabytes: env.DRAWBRIDGE_UPDATE_MEGABYTES,
    freeDiskMegabytes: env.DRAWBRIDGE_FREE_DISK_MEGABYTES,
    keepDays: env.DRAWBRIDGE_KEEP_DAYS,
    operationSeconds: env.DRAWBRIDGE_OPERATION_SECONDS,
    drainSeconds: env.DRAWBRIDGE_DRAIN_SECONDS,
    logLevel: env.DRAWBRIDGE_LOG_LEVEL,
    issuers: env.DRAWBRIDGE_OIDC,
    limits: {
      requestsPerMinute: env.DRAWBRIDGE_REQUESTS_PER_MINUTE,
      writesPerMinute: env.DRAWBRIDGE_WRITES_PER_MINUTE,
      destroysPerHour: env.DRAWBRIDGE_DESTROYS_PER_HOUR,
      streamsPerCaller: env.DRAWBRIDGE_STREAMS_PER_CALLER,
    },
    region: env.AWS_REGION,
    pulumiHome: env.PULUMI_HOME ?? path.join(dataDir, "pulumi-home"),
    pins: {
      ...(env.DRAWBRIDGE_CLI_SHA256 && { cli: env.DRAWBRIDGE_CLI_SHA256 }),
      ...(env.DRAWBRIDGE_PLUGIN_SHA256 && { plugin: env.DRAWBRIDGE_PLUGIN_SHA256 }),
    },
    ...tlsOf(env),
    ...adminListenerOf(env),
    ...(env.DRAWBRIDGE_ADMIN_TOKEN && { adminToken: env.DRAWBRIDGE_ADMIN_TOKEN }),
    ...(env.DRAWBRIDGE_STATE_ROLE_ARN && { stateRoleArn: env.DRAWBRIDGE_STATE_ROLE_ARN }),
    ...(env.DATABASE_URL && { databaseUrl: env.DATABASE_URL }),
    ...(env.OTEL_EXPORTER_OTLP_ENDPOINT && {
      collector: { endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT, headers: collectorHeaders(env.OTEL_EXPORTER_OTLP_HEADERS) },
    }),
    ...(env.AWS_ENDPOINT_URL && { awsEndpoint: env.AWS_ENDPOINT_URL }),
    ...(env.NODE_COMPILE_CACHE && { compileCache: env.NODE_COMPILE_CACHE }),
    ...(env.PULUMI_CLI_ROOT && { cliRoot: env.PULUMI_CLI_ROOT }),
    ...(env.DRAWBRIDGE_STAND_IN_FAIL && { standInFail: env.DRAWBRIDGE_STAND_IN_FAIL }),
  };
}

type Environment = z.infer<typeof Environment>;

function incomplete(line: string): Error {
  return new Error(`The environment is not complete:\n  ${line}`);
}

function tlsOf(env: Environment): { tls?: TlsFiles } {
  const { DRAWBRIDGE_TLS_CERT: cert, DRAWBRIDGE_TLS_KEY: key, DRAWBRIDGE_TLS_CLIENT_CA: clientCa } = env;
  if (cert && key) return { tls: { cert, key, ...(clientCa && { clientCa }) } };
  if (cert || key || clientCa)
    throw incomplete("DRAWBRIDGE_TLS_CERT and DRAWBRIDGE_TLS_KEY go together; DRAWBRIDGE_TLS_CLIENT_CA needs both.");
  return {};
}

function adminListenerOf(env: Environment): { admin?: NonNullable<Config["admin"]> } {
  const { DRAWBRIDGE_ADMIN_PORT: port, DRAWBRIDGE_ADMIN_HOST: host, DRAWBRIDGE_ADMIN_ROUTES: adminScope } = env;
  if (port !== undefined) return { admin: { host: host ?? env.DRAWBRIDGE_HOST, port, adminScope } };
  if (host || adminScope) throw incomplete("DRAWBRIDGE_ADMIN_HOST and DRAWBRIDGE_ADMIN_ROUTES need DRAWBRIDGE_ADMIN_PORT.");
  return {};
}

/** `name=value,…`, values percent-encoded (OpenTelemetry specification, "OTLP Exporter Configuration"). */
function collectorHeaders(text = ""): Record<string, string> {
  const pairs = text.split(",").filter((pair) => pair !== "");
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), decodeURIComponent(pair.slice(pair.indexOf("=") + 1))]));
}

function secretsOf(env: Environment): Config["secrets"] {
  if (env.DRAWBRIDGE_SECRETS_PROVIDER) return { provider: "awskms", url: env.DRAWBRIDGE_SECRETS_PROVIDER };
  if (env.DRAWBRIDGE_SECRETS_PASSPHRASE) return { provider: "passphrase", passphrase: env.DRAWBRIDGE_SECRETS_PASSPHRASE };
  throw incomplete(
    "DRAWBRIDGE_SECRETS_PROVIDER (awskms://…) or DRAWBRIDGE_SECRETS_PASSPHRASE is needed: Pulumi encrypts secrets in state with it.",
  );
}
