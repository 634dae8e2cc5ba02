/** Rows over a role's trust: the parties with their ids, and everybody who must stay outside. */

import { type Principal, parsePrincipal } from "../words/principal.ts";
import type { RoleContract, TrustedParty } from "./contract.ts";
import type { ExpectedRow } from "./expected-row.ts";

type Context = Record<string, string>;
type Attempt = { id: string; expect: "allow" | "deny"; principal: string; context: Context };

/** Documentation's and nobody's account ids: an account that no contract names is picked from them. */
const foreignAccounts = ["999999999999", "888888888888", "777777777777"];
const wrongId = "drawbridge-probe-wrong-id";

/** One row for each party and id, and the negatives around each party; while nobody is trusted, only negatives. */
export function trustRows(contract: RoleContract): ExpectedRow[] {
  const attempts =
    contract.trusted.length === 0
      ? closedAttempts(contract)
      : contract.trusted.flatMap((party, index) => partyAttempts(party, index + 1, contract));
  return attempts.map((attempt) => ({ ...attempt, action: "sts:AssumeRole", resource: contract.roleArn }));
}

function closedAttempts(contract: RoleContract): Attempt[] {
  const owner = parsePrincipal(contract.roleArn);
  const probes = [...(contract.probePrincipals ?? []), foreignPrincipal(contract, owner)];
  return probes.flatMap((principal, index) => {
    const id = `assume.closed.${index + 1}`;
    if (parsePrincipal(principal)?.kind === "service") return [{ id, expect: "deny", principal, context: {} }];
    return [
      { id: `${id}.no-id`, expect: "deny", principal, context: {} },
      { id: `${id}.some-id`, expect: "deny", principal, context: { "sts:ExternalId": wrongId } },
    ];
  });
}

function partyAttempts(party: TrustedParty, number: number, contract: RoleContract): Attempt[] {
  const principal = parsePrincipal(party.principal);
  const id = `assume.${number}`;
  return principal?.kind === "service" ? serviceAttempts(party, id) : accountAttempts(party, principal, id, contract);
}

function accountAttempts(party: TrustedParty, principal: Principal | undefined, id: string, contract: RoleContract): Attempt[] {
  const attempt = (name: string, expect: Attempt["expect"], externalId: string | undefined, as = party.principal): Attempt => ({
    id: `${id}.${name}`,
    expect,
    principal: as,
    context: externalId === undefined ? {} : { "sts:ExternalId": externalId },
  });
  const [first] = party.externalIds;
  const numbered = (index: number): string => (party.externalIds.length === 1 ? "" : `.${index + 1}`);
  const others = otherPrincipals(principal).filter((other) => !contract.trusted.some((trusted) => trusted.principal === other));
  return [
    ...party.externalIds.map((externalId, index) => attempt(`right-id${numbered(index)}`, "allow", externalId)),
    attempt("no-id", "deny", undefined),
    ...wrongIds(party.externalIds).map(([name, wrong]) => attempt(name, "deny", wrong)),
    attempt("foreign-account", "deny", first, foreignPrincipal(contract, principal)),
    ...others.map((other, index) => attempt(`other-principal.${index + 1}`, "deny", first, other)),
  ];
}

/** An id that nobody has, the right one with something after it, and the right one in the other case: ids are compared exactly. */
function wrongIds(right: readonly string[]): [string, string][] {
  const [first = ""] = right;
  const swapped = first === first.toUpperCase() ? first.toLowerCase() : first.toUpperCase();
  const tried: [string, string][] = [
    ["wrong-id", wrongId],
    ["longer-id", `${first}-x`],
    ["other-case-id", swapped],
  ];
  return tried.filter(([, id]) => id !== "" && !right.includes(id));
}

/** The same name in an account that no party of the contract belongs to. */
function foreignPrincipal(contract: RoleContract, like: Principal | undefined): string {
  const named = [contract.roleArn, ...contract.trusted.map((party) => party.principal), ...(contract.probePrincipals ?? [])].join(" ");
  const account = foreignAccounts.find((candidate) => !named.includes(candidate)) ?? "666666666666";
  const partition = like !== undefined && "partition" in like && like.partition !== undefined ? like.partition : "aws";
  const iam = `arn:${partition}:iam::${account}`;
  if (like?.kind === "role" || like?.kind === "user") return `${iam}:${like.kind}${like.path}${like.name}`;
  if (like?.kind === "session") return `arn:${partition}:sts::${account}:assumed-role/${like.roleName}/${like.sessionName}`;
  return `${iam}:role/drawbridge-probe`;
}

/** Others of the vendor's own account, where the trust names one of it; a trusted account takes them all in, which the proof lists. */
function otherPrincipals(principal: Principal | undefined): string[] {
  if (principal?.kind !== "role" && principal?.kind !== "user" && principal?.kind !== "session") return [];
  const iam = `arn:${principal.partition}:iam::${principal.accountId}`;
  const sts = `arn:${principal.partition}:sts::${principal.accountId}:assumed-role`;
  const others = [`${iam}:role/drawbridge-probe`, `${iam}:user/drawbridge-probe`];
  if (principal.kind === "session") others.push(`${sts}/${principal.roleName}/drawbridge-probe`);
  return others;
}

/** A service is held to the account and the thing it acts for (IAM user guide, "The confused deputy problem"). */
function serviceAttempts(party: TrustedParty, id: string): Attempt[] {
  const right: Context = {
    ...(party.sourceAccount !== undefined && { "aws:SourceAccount": party.sourceAccount }),
    ...(party.sourceArn !== undefined && { "aws:SourceArn": party.sourceArn }),
  };
  const otherService = party.principal === "ec2.amazonaws.com" ? "lambda.amazonaws.com" : "ec2.amazonaws.com";
  const denied = (name: string, context: Context, principal = party.principal): Attempt => ({
    id: `${id}.${name}`,
    expect: "deny",
    principal,
    context,
  });
  return [
    { id: `${id}.right-source`, expect: "allow", principal: party.principal, context: right },
    denied("other-service", right, otherService),
    ...(Object.keys(right).length > 0 ? [denied("no-source", {})] : []),
    ...(party.sourceAccount !== undefined ? [denied("other-account", { ...right, "aws:SourceAccount": "999999999999" })] : []),
    ...(party.sourceArn !== undefined
      ? [denied("other-source", { ...right, "aws:SourceArn": `${party.sourceArn}-drawbridge-probe` })]
      : []),
  ];
}
