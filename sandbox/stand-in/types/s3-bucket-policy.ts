import { DeleteBucketPolicyCommand, GetBucketPolicyCommand, PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import type { Aws } from "../aws.ts";
import { attempt, unlessGone, untilSettled } from "../failure.ts";
import type { ResourceType } from "../resource-type.ts";
import { type Properties, text } from "../values.ts";
import { isOneOf, s3Of } from "./s3-calls.ts";

export const bucketPolicy: ResourceType = {
  token: "aws:s3/bucketPolicy:BucketPolicy",
  source: "terraform-provider-aws 6.x internal/service/s3/bucket_policy.go",
  inputs: {
    bucket: { required: true, replaces: true },
    policy: { required: true, policy: "sorted" },
  },
  outputs: [],
  regional: true,
  create: async (aws, inputs, saved) => {
    await put(aws, inputs);
    saved(text(inputs, "bucket"));
    return undefined;
  },
  read: readBucketPolicy,
  update: (aws, _id, { inputs }) => put(aws, inputs),
  delete: deleteBucketPolicy,
};

const gone = ["NoSuchBucket", "NoSuchBucketPolicy"];

/** Replaces the whole document, whoever wrote its statements. */
async function put(aws: Aws, inputs: Properties): Promise<void> {
  const bucket = text(inputs, "bucket");
  const command = () => s3Of(aws).send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: text(inputs, "policy") }));
  await untilSettled(isOneOf("MalformedPolicy", "NoSuchBucket"), () =>
    attempt(`putting S3 Bucket (${bucket}) Policy`, "S3: PutBucketPolicy", command()),
  );
}

async function readBucketPolicy(aws: Aws, bucket: string, stored: Properties): Promise<Properties | undefined> {
  const command = s3Of(aws).send(new GetBucketPolicyCommand({ Bucket: bucket }));
  const live = await unlessGone(gone, attempt(`reading S3 Bucket Policy (${bucket})`, "S3: GetBucketPolicy", command));
  return live && { bucket, policy: live.Policy ?? "", region: text(stored, "region") || aws.region };
}

/** The bucket is left with no policy at all: nothing earlier comes back. */
async function deleteBucketPolicy(aws: Aws, bucket: string): Promise<void> {
  const command = s3Of(aws).send(new DeleteBucketPolicyCommand({ Bucket: bucket }));
  await unlessGone(gone, attempt(`deleting S3 Bucket Policy (${bucket})`, "S3: DeleteBucketPolicy", command));
}
