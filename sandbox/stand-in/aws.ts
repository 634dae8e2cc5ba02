/** The account that one configured provider works in. SDK clients are loaded when the first resource of their service comes. */
import type { Credentials } from "../../src/engine/engine.ts";
import type { Properties } from "./values.ts";

export interface Aws {
  accountId: string;
  region: string;
  defaultTags: Record<string, string>;
  /** Address buckets as `host/bucket`. */
  s3UsePathStyle: boolean;
  /** What an SDK client of this service is made with: region, credentials, and an endpoint on loopback. */
  client(service: Service): ClientSettings;
  /** One client per service and provider. */
  clients: Map<Service, unknown>;
}

export interface ClientSettings {
  region: string;
  endpoint: string;
  credentials: () => Promise<Credentials>;
  maxAttempts: number;
}

export const services = ["sts", "iam", "s3", "kms"] as const;
export type Service = (typeof services)[number];

/** Makes the client of a service once per provider. */
export function cached<T>(aws: Aws, service: Service, make: (settings: ClientSettings) => T): T {
  const known = aws.clients.get(service) as T | undefined;
  const client = known ?? make(aws.client(service));
  aws.clients.set(service, client);
  return client;
}

/** A provider's setting that isn't a string: it arrives as JSON in a string (pulumi/aws sdk/nodejs/provider.ts). */
export function setting<T>(config: Properties, key: string, otherwise: T): T {
  const value = config[key];
  if (value === undefined || value === "") return otherwise;
  return typeof value === "string" ? (JSON.parse(value) as T) : (value as T);
}

/**
 * The endpoint of each service: `endpoints` of the provider, then AWS_ENDPOINT_URL_<SERVICE>, then AWS_ENDPOINT_URL
 * (terraform-provider-aws, "Custom Service Endpoints"). Throws unless every one is on loopback: the stand-in never
 * speaks to a real AWS.
 */
export function loopbackEndpoints(config: Properties, env: NodeJS.ProcessEnv): Record<Service, string> {
  const configured = setting<Partial<Record<Service, string>>[]>(config, "endpoints", []);
  const of = (service: Service): string => {
    const own = configured.find((entry) => entry[service])?.[service];
    const endpoint = own ?? env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ?? env["AWS_ENDPOINT_URL"];
    if (endpoint === undefined || !isLoopback(endpoint)) {
      throw new Error(
        `This is Drawbridge's stand-in for the AWS plugin: it works only against an emulator on this machine, and the endpoint of ${service} is ${endpoint ?? "AWS's own"}. Install the official plugin for real accounts.`,
      );
    }
    return endpoint;
  };
  return { sts: of("sts"), iam: of("iam"), s3: of("s3"), kms: of("kms") };
}

/** Whether a URL names this machine by a loopback address or by `localhost`. */
export function isLoopback(endpoint: string): boolean {
  try {
    const { hostname } = new URL(endpoint);
    return hostname === "localhost" || hostname === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
  } catch {
    return false;
  }
}
