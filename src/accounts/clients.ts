/** AWS SDK clients for one account, made per operation and never shared between tenants. */
import { IAMClient } from "@aws-sdk/client-iam";
import { KMSClient } from "@aws-sdk/client-kms";
import { S3Client } from "@aws-sdk/client-s3";
import type { Credentials } from "../engine/engine.ts";

export interface AccountClients {
  iam: IAMClient;
  s3: S3Client;
  kms: KMSClient;
}

/** How to reach AWS: a custom endpoint only in a sandbox. */
export interface AwsReach {
  endpoint?: string;
}

const MAX_ATTEMPTS = 5;

/**
 * Clients for an account and region with bounded retries (5 attempts, the SDK's standard backoff for throttles and 5xx).
 */
export function accountClients(reach: AwsReach, region: string, credentials: Credentials): AccountClients {
  const shared = { region, credentials, maxAttempts: MAX_ATTEMPTS, ...(reach.endpoint && { endpoint: reach.endpoint }) };
  return {
    iam: new IAMClient(shared),
    s3: new S3Client({ ...shared, forcePathStyle: reach.endpoint !== undefined, followRegionRedirects: false }),
    kms: new KMSClient(shared),
  };
}
