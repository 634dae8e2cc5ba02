/**
 * Closure: every Allow that is found must be one that the contract knows. Rows can only try what somebody thought of; the closure
 * looks at what is there. A boundary grants nothing, so it has no part in this.
 */

import { parseOperator } from "../evaluate/condition.ts";
import { statementName } from "../evaluate/evaluate.ts";
import { grantedActions } from "../evaluate/key-grants.ts";
import type { LiveBucket, LiveDocuments, LiveKey, LiveRole } from "../words/live.ts";
import { listOf, type PolicyDocument, type PrincipalElement, type Statement } from "../words/policy-document.ts";
import { accountRootArn, parsePrincipal } from "../words/principal.ts";
import { isOurSid } from "../words/sid.ts";
import type { AccessContract, ProofRow, ResourceContract, RoleContract, TrustedParty } from "./contract.ts";
import { type Covering, uncovered } from "./coverage.ts";

/** One row for each document: green when the contract covers all that it allows; a red one for each statement or grant it doesn't. */
export function closureRows(contract: AccessContract, live: LiveDocuments): ProofRow[] {
  const roles = contract.roles.flatMap((role) => {
    const found = live.roles.find(({ arn }) => arn === role.roleArn);
    return found === undefined ? [] : roleClosure(role, found);
  });
  return [
    ...roles,
    ...live.buckets.flatMap((bucket) => bucketClosure(contract, bucket, live)),
    ...live.keys.flatMap((key) => keyClosure(contract, key, live)),
  ];
}

/** Why an Allow statement isn't covered, or undefined. */
type Objection = (statement: Statement) => string | undefined;

function documentClosure(name: string, document: PolicyDocument, objection: Objection): ProofRow[] {
  const beyond = document.Statement.flatMap((statement, index) => {
    if (statement.Effect === "Deny") return [];
    const why = objection(statement);
    if (why === undefined) return [];
    const place = { document: name, index, ...(statement.Sid !== undefined && { sid: statement.Sid }) };
    return [
      redRow(
        `closure/${name}/${statement.Sid ?? `#${index + 1}`}`,
        statement,
        `The contract doesn't cover ${statementName(place)}: ${why}.`,
      ),
    ];
  });
  return beyond.length > 0 ? beyond : [greenRow(name)];
}

function greenRow(name: string): ProofRow {
  return {
    id: `closure/${name}`,
    expect: "deny",
    principal: "*",
    action: "*",
    resource: "*",
    context: {},
    decision: "implicitly-denied",
    verdict: "green",
    because: [`Nothing that ${name} allows lies beyond the contract.`],
  };
}

function redRow(id: string, statement: Statement, because: string): ProofRow {
  const words = (values: string[], except: string[]): string =>
    except.length > 0 ? `all but ${except.join(", ")}` : values.join(", ") || "*";
  return {
    id,
    expect: "deny",
    principal: principalsOf(statement.Principal).join(", ") || "*",
    action: words(listOf(statement.Action), listOf(statement.NotAction)),
    resource: words(listOf(statement.Resource), listOf(statement.NotResource)),
    context: {},
    decision: "allowed",
    verdict: "red",
    because: [because],
  };
}

function principalsOf(element: PrincipalElement | undefined): string[] {
  if (element === undefined) return [];
  if (element === "*") return ["*"];
  return Object.values(element).flatMap((values) => listOf(values));
}

function roleClosure(contract: RoleContract, role: LiveRole): ProofRow[] {
  const identity: Objection = (statement) => uncovered(statement, contract.grants);
  return [
    ...documentClosure(trustName(role), role.trust, (statement) => uncoveredTrust(statement, contract.trusted)),
    ...role.inline.flatMap(({ name, document }) => documentClosure(inlineName(role, name), document, identity)),
    ...role.attached.flatMap(({ name, document }) => documentClosure(attachedName(role, name), document, identity)),
  ];
}

export const trustName = (role: Pick<LiveRole, "name">): string => `the trust of role ${role.name}`;
export const inlineName = (role: Pick<LiveRole, "name">, policy: string): string => `inline policy ${policy} of role ${role.name}`;
export const attachedName = (role: Pick<LiveRole, "name">, policy: string): string => `attached policy ${policy} of role ${role.name}`;
export const bucketPolicyName = (bucket: Pick<LiveBucket, "name">): string => `the policy of bucket ${bucket.name}`;
export const keyPolicyName = (key: Pick<LiveKey, "arn">): string => `the policy of key ${key.arn}`;

/** A trust statement may let in only the contract's parties, only by sts:AssumeRole, only under their own ids or sources. */
function uncoveredTrust(statement: Statement, trusted: readonly TrustedParty[]): string | undefined {
  if (statement.NotPrincipal !== undefined || statement.NotAction !== undefined) return "it allows everybody or everything except a list";
  const action = listOf(statement.Action).find((name) => name.toLowerCase() !== "sts:assumerole");
  if (action !== undefined) return `it allows ${action}`;
  const odd = Object.keys(statement.Condition ?? {}).find((operator) => parseOperator(operator) === undefined);
  if (odd !== undefined) return `its condition operator ${odd} isn't known`;
  for (const principal of principalsOf(statement.Principal)) {
    const parties = trusted.filter((party) => samePrincipal(party.principal, principal));
    if (parties.length === 0) return `it lets in ${principal}`;
    if (!parties.some((party) => guarded(statement, party)))
      return `it lets in ${principal} without the conditions that the contract asks for`;
  }
  return;
}

function samePrincipal(a: string, b: string): boolean {
  const root = (text: string): string => (/^[0-9]{12}$/.test(text) ? accountRootArn(text) : text);
  return root(a) === root(b);
}

/** The statement holds the party to its ids or to its source; other conditions beside those only narrow. */
function guarded(statement: Statement, party: TrustedParty): boolean {
  const within = (key: string, allowed: readonly string[], operators: readonly string[]): boolean =>
    operators.some((operator) => {
      const stated = Object.entries(statement.Condition?.[operator] ?? {}).filter(([name]) => name.toLowerCase() === key);
      return stated.some(([, values]) => listOf(values).length > 0 && listOf(values).every((value) => allowed.includes(String(value))));
    });
  if (parsePrincipal(party.principal)?.kind !== "service") return within("sts:externalid", party.externalIds, ["StringEquals"]);
  const account = party.sourceAccount === undefined || within("aws:sourceaccount", [party.sourceAccount], ["StringEquals"]);
  const source = party.sourceArn === undefined || within("aws:sourcearn", [party.sourceArn], ["StringEquals", "ArnEquals", "ArnLike"]);
  return account && source;
}

/** In a document that others share, the statements that carry our Sid and those that name one of the roles. */
function bucketClosure(contract: AccessContract, bucket: LiveBucket, live: LiveDocuments): ProofRow[] {
  if (bucket.policy === undefined) return [];
  const arns = [`arn:aws:s3:::${bucket.name}`, `arn:aws-cn:s3:::${bucket.name}`, `arn:aws-us-gov:s3:::${bucket.name}`];
  const declared = contract.resources.filter((resource) => arns.includes(resource.resource));
  return documentClosure(bucketPolicyName(bucket), bucket.policy, (statement) =>
    sharedObjection(statement, contract, declared, live, false),
  );
}

function keyClosure(contract: AccessContract, key: LiveKey, live: LiveDocuments): ProofRow[] {
  const owned = contract.ownedKeys?.includes(key.arn) ?? false;
  const declared = contract.resources.filter((resource) => resource.resource === key.arn);
  const policy = documentClosure(keyPolicyName(key), key.policy, (statement) =>
    sharedObjection(onThisKey(statement, key), contract, declared, live, owned),
  );
  const grants = key.grants.flatMap((grant): ProofRow[] => {
    const names = {
      Effect: "Allow" as const,
      Principal: { AWS: grant.granteePrincipal },
      Action: grantedActions(grant),
      Resource: key.arn,
    };
    if (!owned && !rolesNamed(grant.granteePrincipal, contract, live).length) return [];
    const why = sharedObjection(names, contract, declared, live, true);
    return why === undefined
      ? []
      : [
          redRow(
            `closure/grant ${grant.id} of key ${key.arn}`,
            names,
            `The contract doesn't cover grant ${grant.id} of key ${key.arn}: ${why}.`,
          ),
        ];
  });
  return [...policy, ...grants];
}

/** In a key's policy `*` means the key that has it (KMS developer guide, "Key policies"). */
function onThisKey(statement: Statement, key: LiveKey): Statement {
  if (statement.Resource === undefined) return statement;
  return { ...statement, Resource: listOf(statement.Resource).map((resource) => (resource === "*" ? key.arn : resource)) };
}

function sharedObjection(
  statement: Statement,
  contract: AccessContract,
  declared: readonly ResourceContract[],
  live: LiveDocuments,
  everyStatement: boolean,
): string | undefined {
  const ours =
    statement.Sid !== undefined &&
    (contract.sidPrefix === undefined ? isOurSid(statement.Sid) : statement.Sid.startsWith(contract.sidPrefix));
  const principals = principalsOf(statement.Principal);
  const all = everyStatement || ours;
  const concerned = all ? principals : principals.filter((principal) => rolesNamed(principal, contract, live).length > 0);
  if (all && statement.NotPrincipal !== undefined) return "it allows everybody except a list";
  for (const principal of concerned) {
    const why = uncovered(statement, coverFor(principal, contract, declared, live));
    if (why !== undefined) return `${why} for ${principal}`;
  }
  return;
}

/** The contract's roles that a principal stands for: by ARN, by a session of it, or by its unique id. */
function rolesNamed(principal: string, contract: AccessContract, live: LiveDocuments): RoleContract[] {
  const named = parsePrincipal(principal);
  return contract.roles.filter((role) => {
    const own = parsePrincipal(role.roleArn);
    if (principal === role.roleArn || live.roles.some(({ arn, roleId }) => arn === role.roleArn && roleId === principal)) return true;
    if (own?.kind !== "role" || named === undefined || !("accountId" in named) || named.accountId !== own.accountId) return false;
    return (named.kind === "role" && named.name === own.name) || (named.kind === "session" && named.roleName === own.name);
  });
}

/** What a principal may be given on a resource: what the contract declares for it there and, for its roles, what they are granted. */
function coverFor(principal: string, contract: AccessContract, declared: readonly ResourceContract[], live: LiveDocuments): Covering[] {
  return [
    ...declared.filter((resource) => samePrincipal(resource.principal, principal)),
    ...rolesNamed(principal, contract, live).flatMap((role) => role.grants),
  ];
}
