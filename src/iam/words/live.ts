/** What an account holds right now, as read from AWS (src/accounts/live-documents.ts) and judged by the pure code here. */
import type { PolicyDocument } from "./policy-document.ts";

export interface NamedDocument {
  name: string;
  document: PolicyDocument;
}

export interface LiveRole {
  arn: string;
  /** `AROA…`; it stays the same until the role is deleted */
  roleId: string;
  name: string;
  accountId: string;
  trust: PolicyDocument;
  inline: NamedDocument[];
  /** `name` is the managed policy's ARN */
  attached: NamedDocument[];
  boundary?: NamedDocument;
  /** seconds */
  maxSessionDuration: number;
  tags: Record<string, string>;
}

export interface LiveBucket {
  name: string;
  accountId: string;
  region: string;
  policy?: PolicyDocument;
  publicAccessBlock?: { blockPublicAcls: boolean; ignorePublicAcls: boolean; blockPublicPolicy: boolean; restrictPublicBuckets: boolean };
  ownership?: "BucketOwnerEnforced" | "BucketOwnerPreferred" | "ObjectWriter";
  encryption?: { algorithm: "AES256" | "aws:kms" | "aws:kms:dsse"; kmsKeyArn?: string };
}

export interface LiveGrant {
  id: string;
  granteePrincipal: string;
  operations: string[];
  constraints?: { encryptionContextEquals?: Record<string, string>; encryptionContextSubset?: Record<string, string> };
}

export interface LiveKey {
  arn: string;
  accountId: string;
  state: string;
  policy: PolicyDocument;
  grants: LiveGrant[];
  tags: Record<string, string>;
  /** `alias/…`; read of keys of our own alone, like `rotated` */
  aliases?: string[];
  rotated?: boolean;
}

export interface LiveDocuments {
  roles: LiveRole[];
  buckets: LiveBucket[];
  keys: LiveKey[];
}
