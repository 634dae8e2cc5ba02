/** AWS SDK clients for one account, made per operation and never shared between tenants. */
import { hash } from "node:crypto";
import { IAMClient } from "@aws-sdk/client-iam";
import { KMSClient } from "@aws-sdk/client-kms";
import { S3Client } from "@aws-sdk/client-s3";
import type {
  HandlerExecutionContext,
  InitializeHandler,
  InitializeHandlerArguments,
  InitializeHandlerOutput,
  MetadataBearer,
} from "@smithy/types";
import type { Credentials } from "../engine/engine.ts";
import { canonicalJson } from "../iam/words/policy-document.ts";

export interface AccountClients {
  iam: IAMClient;
  s3: S3Client;
  kms: KMSClient;
}

/** How to reach AWS: a custom endpoint only in a sandbox. */
export interface AwsReach {
  endpoint?: string;
}

/**
 * Stands around each direct call that changes something in an account: it may refuse, and it sees how the call ended.
 *
 * @param write.action the service and the call: `iam:UpdateAssumeRolePolicy`
 * @param write.request SHA-256 (hex) of the call's input
 */
export type WriteGate = <T extends { awsRequestId?: string }>(
  write: { action: string; request: string },
  send: () => Promise<T>,
) => Promise<T>;

/** Makes the gate for one operation's visit to one tenant's account. */
export type WriteGates = (visit: { tenant: string; operation: string }) => WriteGate;

const MAX_ATTEMPTS = 5;

/** The names of read-only AWS calls begin with these verbs. Every other call counts as a write. */
const reads = /^(?:Get|List|Head|Describe|Simulate)/;

/**
 * Clients for an account and region with bounded retries (5 attempts, the SDK's standard backoff for throttles and 5xx). Every call
 * that isn't a read goes through the gate, once, whatever its retries.
 */
export function accountClients(reach: AwsReach, region: string, credentials: Credentials, gate: WriteGate): AccountClients {
  const shared = { region, credentials, maxAttempts: MAX_ATTEMPTS, ...(reach.endpoint && { endpoint: reach.endpoint }) };
  const clients = {
    iam: new IAMClient(shared),
    s3: new S3Client({ ...shared, forcePathStyle: reach.endpoint !== undefined, followRegionRedirects: false }),
    kms: new KMSClient(shared),
  };
  clients.s3.middlewareStack.add(ownedBucketsOnly, { step: "initialize", name: "drawbridgeOwnedBucketsOnly" });
  clients.iam.middlewareStack.add(gated("iam", gate), gatePlace);
  clients.s3.middlewareStack.add(gated("s3", gate), gatePlace);
  clients.kms.middlewareStack.add(gated("kms", gate), gatePlace);
  return clients;
}

/**
 * A bucket's name says nothing about whose it is: no call leaves without the owner that S3 is to check (S3 user guide, "Verifying
 * bucket ownership with bucket owner condition"). Forgetting it is a fault of ours.
 */
function ownedBucketsOnly<I extends object, O extends object>(next: InitializeHandler<I, O>, { commandName }: HandlerExecutionContext) {
  return async (args: InitializeHandlerArguments<I>): Promise<InitializeHandlerOutput<O>> => {
    if (!("ExpectedBucketOwner" in args.input)) throw new Error(`${commandName} would go to S3 without an expected owner of the bucket`);
    return next(args);
  };
}

/** Before anything is serialised, and around all retries. */
const gatePlace = { step: "initialize", name: "drawbridgeWriteGate" } as const;

function gated(service: string, gate: WriteGate) {
  return <I extends object, O extends MetadataBearer>(next: InitializeHandler<I, O>, context: HandlerExecutionContext) =>
    async (args: InitializeHandlerArguments<I>): Promise<InitializeHandlerOutput<O>> => {
      const command = String(context.commandName).replace(/Command$/, "");
      if (reads.test(command)) return next(args);
      const request = hash("sha256", canonicalJson(args.input));
      const { answer } = await gate({ action: `${service}:${command}`, request }, async () => {
        const answer = await next(args);
        const { requestId } = answer.output.$metadata;
        return { answer, ...(requestId !== undefined && { awsRequestId: requestId }) };
      });
      return answer;
    };
}
