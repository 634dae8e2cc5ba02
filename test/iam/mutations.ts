/**
 * Whether a contract's negative rows prove anything: each has one change of the documents that must turn it red. A row that stays
 * green is looking the other way, such as a "no id" row on a trust that never asked for one. For the contract suites of blueprints.
 */

import type { AccessContract, RoleContract } from "../../src/iam/contract/contract.ts";
import { grantReaches } from "../../src/iam/contract/coverage.ts";
import { judge } from "../../src/iam/contract/judge.ts";
import { contractRows, type ExpectedRow } from "../../src/iam/contract/rows.ts";
import { actionWorksOn, expandAction } from "../../src/iam/words/action-catalogue.ts";
import type { LiveDocuments, LiveRole } from "../../src/iam/words/live.ts";
import { listOf, type Statement } from "../../src/iam/words/policy-document.ts";
import { parsePrincipal } from "../../src/iam/words/principal.ts";

export interface Mutation {
  name: "condition-removed" | "principal-widened" | "trust-opened" | "action-added" | "resource-widened" | "resource-opened";
  live: LiveDocuments;
}

/** The negative rows that their own mutation leaves green, with its name; empty when every one of them proves something. */
export function deadRows(contract: AccessContract, live: LiveDocuments, at: string): { id: string; mutation: Mutation["name"] }[] {
  return contractRows(contract).flatMap((row) => {
    if (row.expect === "allow") return [];
    const mutation = mutationFor(row, contract, live);
    const judged = judge(contract, mutation.live, at).rows.find(({ id }) => id === row.id);
    return judged === undefined || judged.verdict === "red" ? [] : [{ id: row.id, mutation: mutation.name }];
  });
}

/** The change that takes away just what a negative row relies on. The documents given stay as they are. */
export function mutationFor(row: ExpectedRow, contract: AccessContract, live: LiveDocuments): Mutation {
  const changed = structuredClone(live);
  const target = contract.roles.find((role) => role.roleArn === row.resource);
  if (target !== undefined && row.action === "sts:AssumeRole") return { name: openTrust(row, target, changed), live: changed };
  const asking = parsePrincipal(row.principal);
  const role = changed.roles.find(
    (one) => asking?.kind === "session" && asking.accountId === one.accountId && asking.roleName === one.name,
  );
  const own = contract.roles.find(({ roleArn }) => roleArn === role?.arn);
  if (role === undefined || own === undefined) return { name: openResource(row, changed), live: changed };
  return { name: widenRole(row, own, role, changed), live: changed };
}

function openTrust(row: ExpectedRow, contract: RoleContract, live: LiveDocuments): Mutation["name"] {
  const trust = live.roles.find(({ arn }) => arn === contract.roleArn)?.trust;
  if (trust === undefined) return "trust-opened";
  if (contract.trusted.length === 0) {
    trust.Statement = [{ Sid: "Opened", Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }];
    return "trust-opened";
  }
  const isParty = contract.trusted.some((party) => party.principal === row.principal);
  for (const statement of trust.Statement) {
    if (isParty) delete statement.Condition;
    else statement.Principal = "*";
  }
  return isParty ? "condition-removed" : "principal-widened";
}

function widenRole(row: ExpectedRow, contract: RoleContract, role: LiveRole, live: LiveDocuments): Mutation["name"] {
  const statements = [...role.inline, ...role.attached]
    .flatMap(({ document }) => document.Statement)
    .filter(({ Effect }) => Effect === "Allow");
  if (contract.grants.some((grant) => grantReaches(grant, row.action, row.resource))) {
    for (const statement of statements) delete statement.Condition;
    return "condition-removed";
  }
  const holding = statements.filter((statement) => listOf(statement.Action).flatMap(expandAction).includes(row.action));
  for (const statement of holding)
    statement.Resource = listOf(statement.Resource).flatMap((resource) => [resource, widened(resource, row)]);
  if (holding.length > 0) return "resource-widened";
  const [first] = [...role.inline, ...role.attached];
  first?.document.Statement.push({
    Sid: "Added",
    Effect: "Allow",
    Action: row.action,
    Resource: actionWorksOn(row.action, row.resource) ? row.resource : "*",
  });
  consent(row, live);
  return "action-added";
}

/** The prefix dropped where the row stays in the bucket, the bucket's name dropped where it doesn't, else the whole name. */
function widened(resource: string, row: ExpectedRow): string {
  const [, bucket, rest] = /^(arn:[^:]*:s3:::[^/]*)(\/?)/.exec(resource) ?? [];
  if (bucket === undefined) return "*";
  const sameBucket = row.resource.startsWith(`${bucket}/`);
  if (sameBucket) return `${bucket}/*`;
  return rest === "/" ? "arn:aws:s3:::*/*" : "arn:aws:s3:::*";
}

/** A key must agree too before a role's own statement counts. */
function consent(row: ExpectedRow, live: LiveDocuments): void {
  const key = live.keys.find(({ arn }) => arn === row.resource);
  key?.policy.Statement.push({ Sid: "Consent", Effect: "Allow", Principal: { AWS: key.accountId }, Action: row.action, Resource: "*" });
}

function openResource(row: ExpectedRow, live: LiveDocuments): Mutation["name"] {
  const statement = (resource: string): Statement => ({
    Sid: "Opened",
    Effect: "Allow",
    Principal: { AWS: row.principal },
    Action: row.action,
    Resource: resource,
  });
  for (const bucket of live.buckets) {
    bucket.policy ??= { Version: "2012-10-17", Statement: [] };
    bucket.policy.Statement.push(statement(row.resource));
  }
  for (const key of live.keys) key.policy.Statement.push(statement("*"));
  return "resource-opened";
}
