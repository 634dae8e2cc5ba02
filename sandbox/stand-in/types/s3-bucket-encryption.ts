import {
  DeleteBucketEncryptionCommand,
  GetBucketEncryptionCommand,
  PutBucketEncryptionCommand,
  type ServerSideEncryption,
  type ServerSideEncryptionRule,
} from "@aws-sdk/client-s3";
import type { Aws } from "../aws.ts";
import { attempt, unlessGone, untilSettled } from "../failure.ts";
import { defined, type ResourceType } from "../resource-type.ts";
import { equal, type Properties, text, type Value } from "../values.ts";
import { isOneOf, s3Of } from "./s3-calls.ts";

export const bucketEncryption: ResourceType = {
  token: "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  source: "terraform-provider-aws 6.x internal/service/s3/bucket_server_side_encryption_configuration.go",
  inputs: {
    bucket: { required: true, replaces: true },
    rules: { required: true, same: (stored, wanted) => equal(plain(stored), plain(wanted)) },
  },
  outputs: [],
  regional: true,
  refuse: (inputs) =>
    rulesOf(inputs["rules"]).flatMap((rule) =>
      Object.keys(rule)
        .filter((key) => key !== "applyServerSideEncryptionByDefault" && key !== "bucketKeyEnabled")
        .map((key) => ({ property: "rules", reason: `the sandbox's stand-in for the AWS plugin doesn't know '${key}' in a rule` })),
    ),
  create: async (aws, inputs, saved) => {
    await put(aws, inputs);
    saved(text(inputs, "bucket"));
    return undefined;
  },
  read: readEncryption,
  update: (aws, _id, { inputs }) => put(aws, inputs),
  delete: deleteEncryption,
};

const gone = ["NoSuchBucket", "ServerSideEncryptionConfigurationNotFoundError"];

function rulesOf(value: Value | undefined): Properties[] {
  return Array.isArray(value)
    ? (value.filter((rule) => typeof rule === "object" && rule !== null && !Array.isArray(rule)) as Properties[])
    : [];
}

/** Rules with what AWS fills in left out, for comparing: a bucket key that is off, a default key that isn't named. */
function plain(value: Value | undefined): Value[] {
  return rulesOf(value).map((rule) => {
    const byDefault = (rule["applyServerSideEncryptionByDefault"] ?? {}) as Properties;
    return {
      algorithm: text(byDefault, "sseAlgorithm"),
      key: text(byDefault, "kmsMasterKeyId"),
      bucketKey: rule["bucketKeyEnabled"] === true,
    };
  });
}

async function put(aws: Aws, inputs: Properties): Promise<void> {
  const bucket = text(inputs, "bucket");
  const Rules = rulesOf(inputs["rules"]).map((rule): ServerSideEncryptionRule => {
    const byDefault = (rule["applyServerSideEncryptionByDefault"] ?? {}) as Properties;
    const key = text(byDefault, "kmsMasterKeyId");
    return {
      ApplyServerSideEncryptionByDefault: {
        SSEAlgorithm: text(byDefault, "sseAlgorithm") as ServerSideEncryption,
        ...(key && { KMSMasterKeyID: key }),
      },
      BucketKeyEnabled: rule["bucketKeyEnabled"] === true,
    };
  });
  const command = () => s3Of(aws).send(new PutBucketEncryptionCommand({ Bucket: bucket, ServerSideEncryptionConfiguration: { Rules } }));
  const doing = `creating S3 Bucket (${bucket}) Server-side Encryption Configuration`;
  await untilSettled(isOneOf("NoSuchBucket", "OperationAborted"), () => attempt(doing, "S3: PutBucketEncryption", command()));
}

async function readEncryption(aws: Aws, bucket: string, stored: Properties): Promise<Properties | undefined> {
  const command = s3Of(aws).send(new GetBucketEncryptionCommand({ Bucket: bucket }));
  const doing = `reading S3 Bucket Server-side Encryption Configuration (${bucket})`;
  const live = await unlessGone(gone, attempt(doing, "S3: GetBucketEncryption", command));
  if (!live) return undefined;
  const rules = (live.ServerSideEncryptionConfiguration?.Rules ?? []).map((rule) => ({
    applyServerSideEncryptionByDefault: defined({
      sseAlgorithm: rule.ApplyServerSideEncryptionByDefault?.SSEAlgorithm,
      kmsMasterKeyId: rule.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID,
    }),
    bucketKeyEnabled: rule.BucketKeyEnabled === true,
  }));
  return { bucket, rules, region: text(stored, "region") || aws.region };
}

/** Without a wait: AWS goes on to encrypt with its own keys. */
async function deleteEncryption(aws: Aws, bucket: string): Promise<void> {
  const command = s3Of(aws).send(new DeleteBucketEncryptionCommand({ Bucket: bucket }));
  const doing = `deleting S3 Bucket Server-side Encryption Configuration (${bucket})`;
  await unlessGone(gone, attempt(doing, "S3: DeleteBucketEncryption", command));
}
