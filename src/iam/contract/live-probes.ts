/**
 * Rows drawn from the documents themselves: whoever a live trust lets in and whatever a live policy allows beyond the contract is
 * tried, so that a proof shows the request that somebody could make, beside the closure's statement that allows it.
 */
import { actionWorksOn, exampleOf, expandAction } from "../words/action-catalogue.ts";
import type { LiveDocuments, LiveRole } from "../words/live.ts";
import { listOf } from "../words/policy-document.ts";
import { accountRootArn, parsePrincipal, sessionArn } from "../words/principal.ts";
import { probeSession } from "./action-rows.ts";
import type { AccessContract, RoleContract } from "./contract.ts";
import { grantReaches } from "./coverage.ts";
import type { ExpectedRow } from "./expected-row.ts";

/** Enough to show what a wide statement gives; the closure names all of them. */
const mostForOneStatement = 10;

/** One row, expecting deny, for each live principal, action and resource that the contract doesn't know. */
export function liveProbes(contract: AccessContract, live: LiveDocuments): ExpectedRow[] {
  return contract.roles.flatMap((role) => {
    const found = live.roles.find(({ arn }) => arn === role.roleArn);
    return found === undefined ? [] : [...principalProbes(role, found), ...actionProbes(role, found)];
  });
}

function principalProbes(contract: RoleContract, role: LiveRole): ExpectedRow[] {
  const known = new Set(contract.trusted.map(({ principal }) => asAsked(principal)));
  const allows = role.trust.Statement.filter(({ Effect }) => Effect === "Allow");
  const named = allows.flatMap(({ Principal }) =>
    typeof Principal === "object" ? Object.values(Principal).flatMap((values) => listOf(values)) : [],
  );
  const strangers = [...new Set(named.map(asAsked))].filter(
    (principal) => parsePrincipal(principal) !== undefined && principal !== "*" && !known.has(principal),
  );
  const ids = contract.trusted.flatMap(({ externalIds }) => externalIds.slice(0, 1)).slice(0, 1);
  return strangers.map((principal) => ({
    id: `${role.name}/deny.found.${principal}`,
    expect: "deny",
    principal,
    action: "sts:AssumeRole",
    resource: contract.roleArn,
    context: Object.fromEntries(ids.map((id) => ["sts:ExternalId", id])),
  }));
}

/** A bare account id asks as that account's root. */
function asAsked(principal: string): string {
  return /^[0-9]{12}$/.test(principal) ? accountRootArn(principal) : principal;
}

function actionProbes(contract: RoleContract, role: LiveRole): ExpectedRow[] {
  const statements = [...role.inline, ...role.attached]
    .flatMap(({ document }) => document.Statement)
    .filter(({ Effect }) => Effect === "Allow");
  const pairs = statements.flatMap((statement) => {
    const beyond = listOf(statement.Action)
      .flatMap(expandAction)
      .flatMap((action) => listOf(statement.Resource).map((resource) => ({ action, resource: exampleOf(resource) })))
      .filter(
        ({ action, resource }) =>
          actionWorksOn(action, resource) && !contract.grants.some((grant) => grantReaches(grant, action, resource)),
      );
    return beyond.slice(0, mostForOneStatement);
  });
  const rows = pairs.map(
    ({ action, resource }): ExpectedRow => ({
      id: `${role.name}/deny.found.${action}.${resource}`,
      expect: "deny",
      principal: sessionArn(contract.roleArn, probeSession),
      action,
      resource,
      context: {},
    }),
  );
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}
