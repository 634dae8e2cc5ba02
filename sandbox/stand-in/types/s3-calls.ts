/** What the S3 types share. */
import { S3Client } from "@aws-sdk/client-s3";
import { type Aws, cached } from "../aws.ts";
import type { CallFailed } from "../failure.ts";

export const s3Of = (aws: Aws): S3Client =>
  cached(aws, "s3", (settings) => new S3Client({ ...settings, forcePathStyle: aws.s3UsePathStyle }));

/** Whether a failure has one of these codes: for retries. */
export const isOneOf =
  (...codes: string[]) =>
  ({ code }: CallFailed): boolean =>
    codes.includes(code);
