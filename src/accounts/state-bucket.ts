import { HeadBucketCommand, S3Client } from "@aws-sdk/client-s3";

/** Whether the bucket of a state URL (`s3://bucket[/prefix]?query`) answers the service's own credentials within 5 s. */
export async function doesStateBucketAnswer(at: { stateUrl: string; region: string; awsEndpoint?: string }): Promise<boolean> {
  const { host, searchParams } = new URL(at.stateUrl);
  const client = new S3Client({
    region: searchParams.get("region") ?? at.region,
    maxAttempts: 2,
    ...(at.awsEndpoint && { endpoint: at.awsEndpoint, forcePathStyle: true }),
  });
  return client
    .send(new HeadBucketCommand({ Bucket: host }), { abortSignal: AbortSignal.timeout(5_000) })
    .then(
      () => true,
      () => false,
    )
    .finally(() => client.destroy());
}
