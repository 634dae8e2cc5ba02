/** What the KMS types share. */
import { KMSClient } from "@aws-sdk/client-kms";
import { type Aws, cached } from "../aws.ts";

export const kmsOf = (aws: Aws): KMSClient => cached(aws, "kms", (settings) => new KMSClient(settings));

export const gone = ["NotFoundException"];

/** The key id in an ARN, or the id itself: the plugin takes both for the same key. */
export const bareKeyId = (key: string): string => key.split(":key/").pop() ?? key;
