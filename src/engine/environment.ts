/** The whole environment of the child processes. An allow-list: what isn't named here doesn't get in. Pure. */
import path from "node:path";

/** Needed to run programs and to get out through a proxy; none of them can hold an AWS credential. */
const inherited = [
  "PATH",
  "LANG",
  "TZ",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
];

type Variables = Record<string, string>;

function inheritedFrom(host: Record<string, string | undefined>): Variables {
  return Object.fromEntries(inherited.flatMap((name) => (host[name] === undefined ? [] : [[name, host[name]]])));
}

/** `<operation>-<epoch>`, the value that every process of one attempt carries in `DRAWBRIDGE_OPERATION`. */
export function operationMark(operationId: string, epoch: number): string {
  return `${operationId}-${epoch}`;
}

/**
 * A runner's environment: it never holds a credential, and the CLI inherits what is in it. `compileCache` is a folder where
 * Node keeps compiled modules: a third less time to load Pulumi (measured: 0.75 s to 0.5 s).
 */
export function runnerEnvironment(
  host: Record<string, string | undefined>,
  { runner, compileCache, pulumiHome }: { runner: string; compileCache: string; pulumiHome: string },
): Variables {
  return { ...bareEnvironment(host, pulumiHome), DRAWBRIDGE_RUNNER: runner, NODE_COMPILE_CACHE: compileCache };
}

/** The environment of a CLI that only says its version. Without a home of its own it would write a log below the user's. */
export function bareEnvironment(host: Record<string, string | undefined>, pulumiHome: string): Variables {
  return { ...inheritedFrom(host), PULUMI_HOME: pulumiHome };
}

export interface CliPlace {
  /** The operation's own folder, 0700; holds the credentials file and is HOME and TMPDIR of the processes */
  folder: string;
  pulumiHome: string;
  /** with `profile=state` */
  backendUrl: string;
  mark: string;
  /** The sandbox's secrets passphrase; absent where state is encrypted by KMS. */
  passphrase?: string;
  awsEndpoint?: string;
  /** State is written once, at the end of the update (stacks that `survivesWithoutCheckpoints` names). */
  skipCheckpoints?: boolean;
  /** Where the CLI is to write what it spends its time on */
  spansFile?: string;
  /** Destroys only: what the programs protect from replacement may go. */
  ignoreProtect?: boolean;
  /** Tests and sandbox only: what the stand-in plugin is to be told. */
  extra?: Variables;
}

/**
 * Of Go's garbage collector (pkg.go.dev/runtime, "Environment Variables"), in the CLI and in a plugin written in Go: they live for
 * seconds, so collecting is mostly wasted (a quarter of the CLI's CPU, docs/benchmarks.md); beyond 384 MiB they collect as usual.
 */
const goRuntime = { GOGC: "800", GOMEMLIMIT: "384MiB" };

/**
 * What the CLI, and through it the AWS plugin, gets. No key and no token: only the names of files in the operation's
 * folder. Sources: pulumi/pulumi sdk/go/common/env/env.go and the AWS SDK reference, "Environment variables".
 */
export function cliEnvironment(host: Record<string, string | undefined>, place: CliPlace): Variables {
  return {
    ...inheritedFrom(host),
    ...place.extra,
    HOME: place.folder,
    TMPDIR: path.join(place.folder, "tmp"),
    AWS_SHARED_CREDENTIALS_FILE: path.join(place.folder, "credentials"),
    AWS_CONFIG_FILE: path.join(place.folder, "aws-config"),
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_RESPONSE_CHECKSUM_VALIDATION: "when_required",
    ...(place.awsEndpoint ? { AWS_ENDPOINT_URL: place.awsEndpoint } : {}),
    PULUMI_HOME: place.pulumiHome,
    PULUMI_BACKEND_URL: place.backendUrl,
    ...(place.passphrase === undefined ? {} : { PULUMI_CONFIG_PASSPHRASE: place.passphrase }),
    ...goRuntime,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
    PULUMI_DIY_BACKEND_NO_LEGACY_WARNING: "true",
    // The bucket's own versioning keeps earlier states.
    PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS: "true",
    ...(place.skipCheckpoints ? { PULUMI_SKIP_CHECKPOINTS: "true" } : {}),
    ...(place.spansFile === undefined ? {} : { PULUMI_OPTION_OTEL_TRACES: `file://${place.spansFile}` }),
    ...(place.ignoreProtect ? { PULUMI_OPTION_IGNORE_PROTECT: "true" } : {}),
    // Where it can't be kept from logging (work-folder.ts)
    PULUMI_LOG_ROTATION_MAX_TOTAL_MB: "16",
    PULUMI_LOG_ROTATION_MAX_AGE_DAYS: "1",
    DRAWBRIDGE_OPERATION: place.mark,
  };
}
