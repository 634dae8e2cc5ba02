/** Rows over what a role's session may do: each granted action, and around them what nobody asked for. */
import { actionWorksOn, exampleFor, exampleOf, expandAction } from "../words/action-catalogue.ts";
import { parseArn } from "../words/arn.ts";
import { bucketOfArn } from "../words/bucket-name.ts";
import { sessionArn } from "../words/principal.ts";
import { failingContexts, fittingContext } from "./condition-example.ts";
import type { ContractGrant, RoleContract } from "./contract.ts";
import { grantReaches } from "./coverage.ts";
import type { ExpectedRow } from "./expected-row.ts";

/** The session's name in every row as the role. */
export const probeSession = "drawbridge-probe";

/** Actions that no vendor of a data integration has a use for, tried on whatever of the kind the contract speaks of. */
const notAskedFor = [
  "s3:GetObject",
  "s3:GetObjectAcl",
  "s3:PutObject",
  "s3:PutObjectAcl",
  "s3:DeleteObject",
  "s3:DeleteObjectVersion",
  "s3:ListBucket",
  "s3:PutBucketPolicy",
  "s3:PutEncryptionConfiguration",
  "s3:DeleteBucket",
  "kms:Decrypt",
  "kms:CreateGrant",
  "kms:PutKeyPolicy",
  "kms:ScheduleKeyDeletion",
];
const neverAskedFor = [
  "iam:CreateUser",
  "iam:PutRolePolicy",
  "iam:AttachRolePolicy",
  "iam:UpdateAssumeRolePolicy",
  "iam:PassRole",
  "sts:AssumeRole",
  "s3:ListAllMyBuckets",
  "kms:CreateKey",
];

type Row = ExpectedRow;

/**
 * While somebody is trusted: positives for each grant, negatives for other resources, other conditions, actions not asked for and
 * the contract's own `denied`. While nobody is, the vendor's principals are tried on the granted actions directly.
 */
export function actionRows(contract: RoleContract): Row[] {
  if (contract.trusted.length === 0) return closedRows(contract);
  const principal = sessionArn(contract.roleArn, probeSession);
  const rows = [
    ...contract.grants.flatMap((grant) => grantRows(grant, contract)),
    ...elsewhereRows(contract),
    ...notAskedRows(contract),
    ...contract.denied.map(({ id, action, resource }) => ({ id: `denied.${id}`, expect: "deny" as const, action, resource, context: {} })),
  ];
  return unique(rows.map((row) => ({ ...row, principal })));
}

function unique(rows: Row[]): Row[] {
  const seen = new Map<string, Row>();
  for (const row of rows) if (!seen.has(row.id)) seen.set(row.id, row);
  return [...seen.values()];
}

type Derived = Omit<Row, "principal">;

function grantRows(grant: ContractGrant, contract: RoleContract): Derived[] {
  const effective = grant.actions.filter((action) => !grant.ineffective?.includes(action)).flatMap(expandAction);
  return effective.flatMap((action) => {
    const resources = grant.resources.filter((resource) => actionWorksOn(action, resource)).map(exampleOf);
    const id = `allow.${grant.id}.${action}`;
    // An action that works on none of its resources would pass for granted; tried on a resource of its own kind it comes out red.
    if (resources.length === 0) return [allowed(id, action, ownKind(action, contract), grant)];
    return resources.flatMap((resource, index) => [
      allowed(numbered(id, index, resources.length), action, resource, grant),
      ...failingRows(grant, action, resource, contract).map((row) => ({ ...row, id: numbered(row.id, index, resources.length) })),
    ]);
  });
}

const numbered = (id: string, index: number, count: number): string => (count === 1 ? id : `${id}.${index + 1}`);

function allowed(id: string, action: string, resource: string, grant: ContractGrant): Derived {
  return { id, expect: "allow", action, resource, context: fittingContext(grant.condition) };
}

function ownKind(action: string, contract: RoleContract): string {
  const role = parseArn(contract.roleArn);
  return exampleFor(action, role?.partition ?? "aws", "us-east-1", role?.account ?? "");
}

/** The action outside its condition, unless another grant gives it without one. */
function failingRows(grant: ContractGrant, action: string, resource: string, contract: RoleContract): Derived[] {
  const given = contract.grants.some((other) => other.condition === undefined && grantReaches(other, action, resource));
  if (given) return [];
  return failingContexts(grant.condition).map(({ name, context }) => ({
    id: `deny.${grant.id}.${action}.${name}`,
    expect: "deny",
    action,
    resource,
    context,
  }));
}

/** The granted actions on neighbours: another bucket, a bucket whose name goes on, another prefix, another key. */
function elsewhereRows(contract: RoleContract): Derived[] {
  return contract.grants.flatMap((grant) =>
    grant.actions.flatMap(expandAction).flatMap((action) =>
      grant.resources
        .filter((resource) => resource !== "*" && actionWorksOn(action, resource))
        .flatMap(neighbours)
        .filter(({ resource }) => !contract.grants.some((other) => grantReaches(other, action, resource)))
        .map(({ name, resource }) => ({
          id: `deny.${name}.${action}.${resource}`,
          expect: "deny" as const,
          action,
          resource,
          context: fittingContext(grant.condition),
        })),
    ),
  );
}

function neighbours(resource: string): { name: string; resource: string }[] {
  const bucket = bucketOfArn(resource);
  if (bucket === undefined) return [{ name: "other-resource", resource: `${exampleOf(resource)}-other` }];
  const partition = resource.split(":")[1] ?? "aws";
  const slash = resource.indexOf("/");
  const inBucket = (name: string, key: string): string => `arn:${partition}:s3:::${name}${key}`;
  if (slash < 0)
    return ["drawbridge-other-bucket", `${bucket}-other`].map((name) => ({ name: "other-bucket", resource: inBucket(name, "") }));
  const key = resource.slice(slash);
  const folder = key.slice(1, key.lastIndexOf("/") + 1).replace(/\/$/, "");
  return [
    { name: "other-bucket", resource: inBucket("drawbridge-other-bucket", exampleOf(key)) },
    { name: "other-bucket", resource: inBucket(`${bucket}-other`, exampleOf(key)) },
    { name: "other-prefix", resource: inBucket(bucket, "/drawbridge-outside/probe") },
    ...(folder === "" ? [] : [{ name: "other-prefix", resource: inBucket(bucket, `/${exampleOf(folder)}-other/probe`) }]),
  ];
}

/** The probe list on every bucket, object and key of the contract, and the account-wide probes. */
function notAskedRows(contract: RoleContract): Derived[] {
  const role = parseArn(contract.roleArn);
  const resources = probedResources(contract);
  const onResources = notAskedFor.flatMap((action) =>
    resources.filter((resource) => actionWorksOn(action, resource)).map((resource) => ({ action, resource })),
  );
  const accountWide = neverAskedFor.map((action) => ({
    action,
    resource: exampleFor(action, role?.partition ?? "aws", "us-east-1", role?.account ?? ""),
  }));
  return [...onResources, ...accountWide]
    .filter(({ action, resource }) => !contract.grants.some((grant) => grantReaches(grant, action, resource)))
    .map(({ action, resource }) => ({ id: `deny.not-asked.${action}.${resource}`, expect: "deny", action, resource, context: {} }));
}

function probedResources(contract: RoleContract): string[] {
  const named = contract.grants.flatMap((grant) => grant.resources).filter((resource) => resource !== "*");
  const buckets = named.flatMap((resource) => {
    const bucket = bucketOfArn(resource);
    const arn = `arn:${resource.split(":")[1] ?? "aws"}:s3:::${bucket}`;
    return bucket === undefined || /[*?]/.test(bucket) ? [] : [arn, `${arn}/drawbridge-probe`];
  });
  return [...new Set([...buckets, ...named.map(exampleOf)])];
}

/** The vendor's principals on the granted actions, without the role: nothing but the role may lead there. */
function closedRows(contract: RoleContract): Row[] {
  const probes = (contract.probePrincipals ?? []).filter((principal) => principal.startsWith("arn:"));
  return unique(
    probes.flatMap((principal, index) =>
      contract.grants.flatMap((grant) =>
        grant.actions.flatMap(expandAction).flatMap((action) =>
          grant.resources
            .filter((resource) => resource !== "*" && actionWorksOn(action, resource))
            .map((resource) => ({
              id: `deny.direct.${index + 1}.${action}.${exampleOf(resource)}`,
              expect: "deny" as const,
              principal,
              action,
              resource: exampleOf(resource),
              context: fittingContext(grant.condition),
            })),
        ),
      ),
    ),
  );
}
