/** Who lives in the sandbox's AWS: our platform, customers, strangers, and the vendors under their real account ids. */

/** The region of every seeded account. */
export const sandboxRegion = "us-east-1";

/** Account ids by their names in `sandbox.json`. Labra gives its id to each customer, so this one is made up. */
export const accountIds = {
  platform: "111111111111",
  tenant: "222222222222",
  neighbour: "333333333333",
  outsider: "444444444444",
  conductorone: "765656841499",
  "creative-force": "092392787187",
  infosum: "134928160093",
  labra: "555555555555",
} as const;

export type AccountName = keyof typeof accountIds;

/** A vendor's principal: a user with keys, or a role that a user of the vendor assumes first; `named` is which of role and session its guide puts into the trust. */
export type VendorPrincipal = { user: string } | { user: string; role: string; sessionName: string; named: "role" | "session" };

/**
 * The principals in the vendors' guides: ConductorOne "S3 data source", Creative Force "S3 integration", InfoSum "S3
 * cross-account import" (its trust names the session), Labra OppSync (its trust names the whole account).
 */
export const vendorPrincipals = {
  conductorone: { user: "data-source", role: "ConductorOneS3DatasourceService", sessionName: "sync", named: "role" },
  "creative-force": { user: "CreativeForceCloudS3" },
  infosum: { user: "import", role: "InfoSumImportConnector", sessionName: "drawbridge-sandbox", named: "session" },
  labra: { user: "oppsync" },
} satisfies Partial<Record<AccountName, VendorPrincipal>>;

export type VendorName = keyof typeof vendorPrincipals;

/** One account in `sandbox.json`: somebody one can be there. */
export interface SandboxAccount {
  accountId: string;
  region: string;
  /** Who the keys, after `assumeFirst` where there is one, make you; of a vendor, as its guide writes it into the trust. */
  principalArn: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  /** tenants: the role to register with Drawbridge */
  provisioningRoleArn?: string;
  /** tenants: a key of the account's own, whose policy delegates to its IAM */
  keyArn?: string;
  /** vendors that work as a role: what to assume with the keys before anything else */
  assumeFirst?: { roleArn: string; sessionName: string };
}

/** What the tenants' accounts hold before Drawbridge comes. */
export const tenantThings = {
  provisioningRole: "DrawbridgeProvisioning",
  /** no bucket policy; one object, `reports/hello.txt` */
  plainBucket: (account: string) => `drawbridge-sandbox-data-${account}`,
  /** a bucket policy with two statements of somebody else */
  sharedBucket: (account: string) => `drawbridge-sandbox-shared-${account}`,
  sampleObject: "reports/hello.txt",
  /** a key whose policy delegates to the account's IAM */
  keyAlias: "alias/drawbridge-sandbox",
} as const;

export const platformThings = {
  user: "drawbridge-service",
  stateBucket: "drawbridge-state",
  stateRole: "DrawbridgeState",
  /** of a key for secrets in state; the sandbox itself uses a passphrase */
  secretsKeyAlias: "alias/drawbridge-state",
} as const;
