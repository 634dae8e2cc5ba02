/** The judgement: a contract against what an account really holds, as the proof that is stored with the operation. */

import { evaluate } from "../evaluate/evaluate.ts";
import type { AccessDocuments, AccessRequest } from "../words/access-request.ts";
import { bucketOfArn } from "../words/bucket-name.ts";
import { externalIdFingerprint } from "../words/external-id.ts";
import type { LiveDocuments, LiveRole, NamedDocument } from "../words/live.ts";
import { documentDigest, type PolicyDocument } from "../words/policy-document.ts";
import { accountOfPrincipal, isSessionOf, parsePrincipal } from "../words/principal.ts";
import { attachedName, bucketPolicyName, closureRows, inlineName, keyPolicyName, trustName } from "./closure.ts";
import type { AcceptedException, AccessContract, Proof, ProofRow } from "./contract.ts";
import { liveProbes } from "./live-probes.ts";
import { contractRows, type ExpectedRow } from "./rows.ts";

/**
 * Judges a contract on the live documents. `at` (RFC 3339) is the proof's time and the time of every request in it. External ids
 * leave only as fingerprints.
 */
export function judge(contract: AccessContract, live: LiveDocuments, at: string): Proof {
  const judged = [...contractRows(contract), ...liveProbes(contract, live)].flatMap((row) => {
    const documents = documentsFor(row, contract, live);
    return documents === undefined ? [] : [judgeRow(row, documents, asMade(row, live, at))];
  });
  const rows = [...judged, ...closureRows(contract, live)];
  return {
    verdict: rows.length > 0 && rows.every((row) => row.verdict === "green") ? "green" : "red",
    trust: contract.roles.some((role) => role.trusted.length > 0) ? "open" : "closed",
    rows,
    digests: digests(live),
    notCovered: notCovered(contract, live),
    acceptedBreadth: [...contract.acceptedBreadth, ...accountTrust(contract), ...(contract.exceptions ?? []).map(exceptionSentence)],
    at,
  };
}

function judgeRow(row: ExpectedRow, documents: AccessDocuments, request: AccessRequest): ProofRow {
  const decision = evaluate(request, documents);
  const wanted = row.expect === "allow" ? ["allowed"] : ["implicitly-denied", "explicitly-denied"];
  return {
    id: row.id,
    expect: row.expect,
    principal: row.principal,
    action: row.action,
    resource: row.resource,
    context: masked(row.context),
    decision: decision.decision,
    verdict: wanted.includes(decision.decision) ? "green" : "red",
    because: decision.because,
  };
}

/** What holds for any request made now over TLS by somebody who just got a session; a row's own keys come first. */
function asMade(row: ExpectedRow, live: LiveDocuments, at: string): AccessRequest {
  const role = roleOfSession(row.principal, live);
  const usual = {
    ...(role && {
      "aws:PrincipalArn": role.arn,
      "aws:userid": `${role.roleId}:${row.principal.slice(row.principal.lastIndexOf("/") + 1)}`,
    }),
    "aws:SecureTransport": "true",
    "s3:TlsVersion": "1.3",
    "aws:CurrentTime": at,
    "aws:TokenIssueTime": at,
  };
  return { principal: row.principal, action: row.action, resource: row.resource, context: { ...usual, ...row.context } };
}

function masked(context: Record<string, string | string[]>): Record<string, string | string[]> {
  const mask = (value: string | string[]) => (Array.isArray(value) ? value.map(externalIdFingerprint) : externalIdFingerprint(value));
  return Object.fromEntries(
    Object.entries(context).map(([key, value]) => [key, key.toLowerCase() === "sts:externalid" ? mask(value) : value]),
  );
}

/** The documents that decide a row; undefined for the vendor's direct reach into something that wasn't read. */
function documentsFor(row: ExpectedRow, contract: AccessContract, live: LiveDocuments): AccessDocuments | undefined {
  const target = contract.roles.find((role) => role.roleArn === row.resource);
  if (target !== undefined && row.action === "sts:AssumeRole") {
    const role = live.roles.find(({ arn }) => arn === target.roleArn);
    return { trust: role === undefined ? noTrust(row.resource) : named(trustName(role), role.trust), assumeCallerAllows: true };
  }
  const resource = resourceDocuments(row.resource, live);
  const role = roleOfSession(row.principal, live);
  if (role !== undefined) return { ...ownDocuments(role), ...resource };
  const isContractsRole = contract.roles.some((one) => isSessionOf(row.principal, one.roleArn));
  if (isContractsRole) return resource;
  return resource.assumeResourceAllows === true ? undefined : { ...resource, assumeCallerAllows: true };
}

const named = (name: string, document: PolicyDocument): NamedDocument => ({ name, document });

/** A role that doesn't exist lets nobody in. */
const noTrust = (arn: string): NamedDocument => named(`the trust of ${arn}, which doesn't exist`, { Version: "2012-10-17", Statement: [] });

function ownDocuments(role: LiveRole): AccessDocuments {
  return {
    identity: [
      ...role.inline.map(({ name, document }) => named(inlineName(role, name), document)),
      ...role.attached.map(({ name, document }) => named(attachedName(role, name), document)),
    ],
    ...(role.boundary && { boundary: named(`the boundary of role ${role.name}`, role.boundary.document) }),
  };
}

function resourceDocuments(resource: string, live: LiveDocuments): AccessDocuments {
  const bucketName = bucketOfArn(resource);
  const bucket = live.buckets.find(({ name }) => name === bucketName);
  if (bucket !== undefined) {
    return {
      ...(bucket.policy && { bucketPolicy: named(bucketPolicyName(bucket), bucket.policy) }),
      ...(bucket.publicAccessBlock && { publicAccessBlock: bucket.publicAccessBlock }),
      ...(bucket.ownership && { ownership: bucket.ownership }),
      resourceAccount: bucket.accountId,
    };
  }
  const key = live.keys.find(({ arn }) => arn === resource);
  if (key !== undefined) return { keyPolicy: named(keyPolicyName(key), key.policy), grants: key.grants, resourceAccount: key.accountId };
  return { assumeResourceAllows: true };
}

function roleOfSession(principal: string, live: LiveDocuments): LiveRole | undefined {
  return live.roles.find(({ arn }) => isSessionOf(principal, arn));
}

function digests(live: LiveDocuments): Record<string, string> {
  const documents: NamedDocument[] = [
    ...live.roles.flatMap((role) => [
      named(trustName(role), role.trust),
      ...(ownDocuments(role).identity ?? []),
      ...(role.boundary ? [named(`the boundary of role ${role.name}`, role.boundary.document)] : []),
    ]),
    ...live.buckets.flatMap((bucket) => (bucket.policy ? [named(bucketPolicyName(bucket), bucket.policy)] : [])),
    ...live.keys.map((key) => named(keyPolicyName(key), key.policy)),
  ];
  return Object.fromEntries(documents.map(({ name, document }) => [name, documentDigest(document)]));
}

/** What no document that was read could show. */
function notCovered(contract: AccessContract, live: LiveDocuments): string[] {
  const resources = contract.roles
    .flatMap((role) => role.grants.flatMap((grant) => grant.resources))
    .filter((resource) => resource !== "*");
  const unread = [...new Set(resources)].filter((resource) => resourceDocuments(resource, live).assumeResourceAllows === true);
  return [
    "Service control policies and resource control policies of the organisation",
    "VPC endpoint policies",
    "The vendor's own policies: its side is taken to allow sts:AssumeRole",
    "Policies of buckets, keys and other resources that the contract doesn't name",
    "Requests are taken to be made over TLS, by a session that has just begun",
    ...unread.map((resource) => `The resource policy of ${resource}, which wasn't read and is taken to allow`),
  ];
}

function exceptionSentence({ principal, actions, resources, why, approvedBy }: AcceptedException): string {
  const approval = approvedBy === undefined ? "Nobody has approved it yet." : `Approved by ${approvedBy}.`;
  return `Accepted exception: ${principal} may ${actions.join(", ")} on ${resources.join(", ")}. ${why} ${approval}`;
}

/** A trusted account takes in all its principals, which the trust itself can't tell apart. */
function accountTrust(contract: AccessContract): string[] {
  return contract.roles.flatMap((role) =>
    role.trusted.flatMap((party) => {
      const principal = parsePrincipal(party.principal);
      if (principal?.kind !== "account") return [];
      return [
        `Any principal of account ${accountOfPrincipal(principal)} that sends the external id may assume ${role.roleArn}: the vendor names its account, not a role.`,
      ];
    }),
  );
}
