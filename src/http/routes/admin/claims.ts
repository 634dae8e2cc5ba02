/** /v1/claims: which tenant uses which account and resource, and the grants that an administrator adds. */
import { z } from "zod";
import { accountOfResource, canonicalResource, resourceSchema } from "../../../model/claim.ts";
import { nameSchema } from "../../../model/names.ts";
import { accountId } from "../../../model/tenant.ts";
import { ProblemError } from "../../../problem.ts";
import { releaseAccount } from "../../../store/claims/accounts.ts";
import { deleteClaimGrant, listClaimGrants, listClaims, saveClaimGrant } from "../../../store/claims/resources.ts";
import { inTransaction } from "../../../store/database/transaction.ts";
import { findTenant, lockName } from "../../../store/tenants.ts";
import { defineRoute, type Route } from "../../server/route.ts";
import { pageOf, pageQuery } from "../../views/schemas.ts";

const facts = { scope: "admin", everyTenant: true, tag: "Claims" } as const;
const timestamp = z.iso.datetime();
const tenantName = z.string().meta({ description: "Empty for a tenant that an earlier release didn't record" });

const claimView = z
  .object({
    accountId,
    resource: z.string().meta({ description: "`account`, or a resource in it" }),
    tenant: tenantName,
    held: z
      .boolean()
      .meta({ description: "Whether it excludes other tenants: the account let this tenant in, or an administrator registered it" }),
    since: timestamp,
  })
  .meta({ id: "Claim" });

const grantView = z
  .object({ id: z.uuid(), accountId, resource: z.string(), tenant: nameSchema, grantedBy: z.string(), since: timestamp })
  .meta({ id: "ClaimGrant" });

const list = defineRoute({
  ...facts,
  method: "get",
  path: "/v1/claims",
  summary: "List the claims on accounts and their resources",
  query: pageQuery.extend({ accountId: accountId.exactOptional() }),
  responses: { 200: { what: "One page, by account, resource and tenant", schema: pageOf(claimView) } },
})(async ({ api: { context }, query }) => ({ status: 200, body: await listClaims(context.store.db, query) }));

const release = defineRoute({
  ...facts,
  method: "post",
  path: "/v1/claims/release",
  summary: "Release an account from tenants that are gone",
  description: "A tenant that is registered for the account keeps its claim. After the release anybody may register the account.",
  body: z.strictObject({ accountId }),
  responses: {
    200: { what: "The tenants whose claims ended", schema: z.object({ released: z.array(tenantName) }).meta({ id: "ReleasedClaims" }) },
  },
})(async ({ api: { context }, body }) => {
  const released = await inTransaction(context.store.db, async (trx) => {
    await lockName(trx, { account: body.accountId });
    return releaseAccount(trx, body.accountId);
  });
  return { status: 200, body: { released } };
});

const grants = defineRoute({
  ...facts,
  method: "get",
  path: "/v1/claims/grants",
  summary: "List the grants",
  query: z.strictObject({ accountId: accountId.exactOptional() }),
  responses: { 200: { what: "All of them", schema: z.object({ items: z.array(grantView) }).meta({ id: "ClaimGrants" }) } },
})(async ({ api: { context }, query }) => ({ status: 200, body: { items: await listClaimGrants(context.store.db, query.accountId) } }));

const grant = defineRoute({
  ...facts,
  method: "post",
  path: "/v1/claims/grants",
  summary: "Let a tenant use a resource that another tenant claims",
  description: "Each tenant then changes only its own statements and grants. The same grant again changes nothing.",
  body: z.strictObject({ tenant: nameSchema, resource: resourceSchema }).meta({ id: "ClaimGrantBody" }),
  responses: { 201: { what: "The grant", schema: grantView } },
  problems: ["not_found"],
})(async ({ api: { context }, caller, body: { tenant: name, resource } }) => {
  const tenant = await findTenant(context.store.db, name);
  if (!tenant) throw new ProblemError("not_found", "There is no such tenant.");
  if ((accountOfResource(resource) ?? tenant.accountId) !== tenant.accountId) {
    throw new ProblemError("invalid_request", "The resource is in another account than the tenant.", { pointer: "/resource" });
  }
  const by = { accountId: tenant.accountId, resource: canonicalResource(resource), tenant: name, grantedBy: caller.subject };
  return { status: 201, body: await saveClaimGrant(context.store.db, by) };
});

const remove = defineRoute({
  ...facts,
  method: "delete",
  path: "/v1/claims/grants/{id}",
  summary: "End a grant",
  description: "Integrations that use the resource keep it.",
  params: z.strictObject({ id: z.uuid() }),
  responses: { 204: { what: "It has ended" } },
})(async ({ api: { context }, params: { id } }) => {
  if (!(await deleteClaimGrant(context.store.db, id))) throw new ProblemError("not_found", "There is no such grant.");
  return { status: 204 };
});

export const claimRoutes: Route[] = [list, release, grants, grant, remove];
