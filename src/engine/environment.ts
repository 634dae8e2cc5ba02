/** The complete environment of the child processes. It is an allow-list: a variable that isn't named here isn't passed on. Pure. */
import path from "node:path";

/** Programs need these, also to get out through a proxy. None of them can hold an AWS credential. */
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

/** `<operation>-<epoch>`: every process of one attempt has this value in `DRAWBRIDGE_OPERATION`. */
export function operationMark(operationId: string, epoch: number): string {
  return `${operationId}-${epoch}`;
}

/**
 * A runner's environment. It never holds a credential, because the CLI inherits it. In the folder `compileCache`, Node keeps compiled
 * modules, so that Pulumi loads a third faster (measured: 0.75 s to 0.5 s).
 */
export function runnerEnvironment(
  host: Record<string, string | undefined>,
  { runner, compileCache, pulumiHome }: { runner: string; compileCache: string; pulumiHome: string },
): Variables {
  return { ...bareEnvironment(host, pulumiHome), DRAWBRIDGE_RUNNER: runner, NODE_COMPILE_CACHE: compileCache };
}

/** The environment of a CLI that only prints its version. Without PULUMI_HOME it would write a log below the user's home. */
export function bareEnvironment(host: Record<string, string | undefined>, pulumiHome: string): Variables {
  return { ...inheritedFrom(host), PULUMI_HOME: pulumiHome };
}

export interface CliPlace {
  /** The update's own folder, 0700. It holds the credentials file and is HOME and TMPDIR of the processes */
  folder: string;
  pulumiHome: string;
  /** with `profile=state` */
  backendUrl: string;
  mark: string;
  /** The sandbox's secrets passphrase; absent if KMS encrypts secrets in state. */
  passphrase?: string;
  awsEndpoint?: string;
  /** State is written only once, at the end of the update (stack kinds with `foundAgain`). */
  skipCheckpoints?: boolean;
  /** The file for the CLI's trace */
  spansFile?: string;
  /** Only for a destroy: it may delete resources that the programs protect from replacement. */
  ignoreProtect?: boolean;
  /** Tests and sandbox only: variables for the stand-in plugin. */
  extra?: Variables;
}

/**
 * Settings of Go's garbage collector (pkg.go.dev/runtime, "Environment Variables"), for the CLI and a plugin written in Go. These processes
 * live for seconds, so collecting is mostly wasted (a quarter of the CLI's CPU, docs/benchmarks.md). Beyond 384 MiB they collect as usual.
 */
const goRuntime = { GOGC: "800", GOMEMLIMIT: "384MiB" };

/**
 * The environment of the CLI, which the AWS plugin inherits. It holds no key and no token, only the names of files in the update's folder.
 * Sources: pulumi/pulumi sdk/go/common/env/env.go and the AWS SDK reference, "Environment variables".
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
    // For installations where we can't stop the CLI's logs (work-folder.ts)
    PULUMI_LOG_ROTATION_MAX_TOTAL_MB: "16",
    PULUMI_LOG_ROTATION_MAX_AGE_DAYS: "1",
    DRAWBRIDGE_OPERATION: place.mark,
  };
}
