/** Contracts of the shapes that vendors ask for, with the documents that would fulfil them. */
import type { AccessContract, ContractGrant, RoleContract, TrustedParty } from "../../src/iam/contract/contract.ts";
import type { LiveDocuments, LiveKey, LiveRole } from "../../src/iam/words/live.ts";
import type { PolicyDocument, Statement } from "../../src/iam/words/policy-document.ts";
import { vendorTrust } from "../../src/iam/words/trust.ts";

export const account = "111122223333";
export const vendorAccount = "444455556666";
export const at = "2026-11-22T12:00:00.000Z";
export const keyArn = `arn:aws:kms:eu-west-1:${account}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
export const externalId = "vendor-issued-id-7731";

export interface Example {
  contract: AccessContract;
  live: LiveDocuments;
}

export function allowStatements(grants: readonly ContractGrant[]): Statement[] {
  return grants.map(({ id, actions, resources, condition }) => ({
    Sid: id,
    Effect: "Allow",
    Action: actions,
    Resource: resources,
    ...(condition && { Condition: condition }),
  }));
}

export function policy(...statements: Statement[]): PolicyDocument {
  return { Version: "2012-10-17", Statement: statements };
}

function liveRole(contract: RoleContract): LiveRole {
  return {
    arn: contract.roleArn,
    roleId: "AROAEXAMPLEID12345678",
    name: contract.roleArn.slice(contract.roleArn.lastIndexOf("/") + 1),
    accountId: account,
    trust: vendorTrust(contract.trusted),
    inline: [{ name: "Access", document: policy(...allowStatements(contract.grants)) }],
    attached: [],
    maxSessionDuration: 3600,
    tags: {},
  };
}

function example(role: Partial<RoleContract> & Pick<RoleContract, "trusted" | "grants">, live: Partial<LiveDocuments> = {}): Example {
  const contract: RoleContract = { roleArn: `arn:aws:iam::${account}:role/Bridge`, denied: [], ...role };
  return {
    contract: { roles: [contract], resources: [], acceptedBreadth: [] },
    live: { roles: [liveRole(contract)], buckets: [{ name: "acme-files", accountId: account, region: "eu-west-1" }], keys: [], ...live },
  };
}

const grant = (id: string, actions: string[], resources: string[], more: Partial<ContractGrant> = {}): ContractGrant => ({
  id,
  actions,
  resources,
  why: "the vendor's guide asks for it",
  ...more,
});
const reading = (): ContractGrant[] => [
  grant("List", ["s3:GetBucketLocation", "s3:ListBucket"], ["arn:aws:s3:::acme-files"]),
  grant("Read", ["s3:GetObject", "s3:GetObjectAttributes"], ["arn:aws:s3:::acme-files/*"]),
];
const party = (principal: string, more: Partial<TrustedParty> = {}): TrustedParty => ({ principal, externalIds: [externalId], ...more });

export function delegatingKey(): LiveKey {
  return {
    arn: keyArn,
    accountId: account,
    state: "Enabled",
    policy: policy({ Sid: "Iam", Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "kms:*", Resource: "*" }),
    grants: [],
    tags: {},
  };
}

/** A vendor's role reads a bucket. */
export const readerRole = (): Example => example({ trusted: [party(`arn:aws:iam::${vendorAccount}:role/Reader`)], grants: reading() });

/** A vendor's session reads one folder. */
export const folderSession = (): Example =>
  example({
    trusted: [party(`arn:aws:sts::${vendorAccount}:assumed-role/Importer/acme`)],
    grants: [
      grant("List", ["s3:ListBucket"], ["arn:aws:s3:::acme-files"], { condition: { StringLike: { "s3:prefix": ["in/*"] } } }),
      grant("Read", ["s3:GetObject"], ["arn:aws:s3:::acme-files/in/*"]),
    ],
  });

/** A vendor's user reads and writes, with a key of the same account. */
export const deliveryUser = (): Example =>
  example(
    {
      trusted: [party(`arn:aws:iam::${vendorAccount}:user/Cloud`)],
      grants: [
        grant("KMS", ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], [keyArn]),
        grant("Upload", ["s3:PutObject", "s3:PutObjectAcl"], ["arn:aws:s3:::acme-files/*"]),
        grant("Read", ["s3:GetObject", "s3:GetObjectVersion"], ["arn:aws:s3:::acme-files/*"]),
        grant("List", ["s3:ListBucket"], ["arn:aws:s3:::acme-files"]),
      ],
    },
    { keys: [delegatingKey()] },
  );

/** A vendor's whole account works in somebody else's bucket with somebody else's key. */
export const partnerBucket = (): Example =>
  example(
    {
      trusted: [party(`arn:aws:iam::${vendorAccount}:root`)],
      grants: [
        grant("Bucket", ["s3:ListBucket"], ["arn:aws:s3:::partner-bucket"]),
        grant("Key", ["kms:Decrypt", "kms:ReEncrypt*"], ["arn:aws:kms:us-west-2:777788889999:key/1234abcd-12ab-34cd-56ef-1234567890ab"]),
        grant("Objects", ["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::partner-bucket/*"]),
      ],
    },
    { buckets: [] },
  );

/** An AWS service, held to one source. */
export const pipeService = (): Example =>
  example(
    {
      trusted: [
        {
          principal: "pipes.amazonaws.com",
          externalIds: [],
          sourceAccount: account,
          sourceArn: `arn:aws:pipes:eu-west-1:${account}:pipe/events`,
        },
      ],
      grants: [
        grant("Stream", ["kinesis:GetRecords", "kinesis:ListStreams"], [`arn:aws:kinesis:eu-west-1:${account}:stream/ctr`], {
          ineffective: ["kinesis:ListStreams"],
        }),
        grant("Invoke", ["lambda:InvokeFunction"], [`arn:aws:lambda:eu-west-1:${account}:function:Redactor*`]),
      ],
    },
    { buckets: [] },
  );

export const examples: Record<string, () => Example> = { readerRole, folderSession, deliveryUser, partnerBucket, pipeService };
