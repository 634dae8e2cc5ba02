/** /v1/vendors/{vendor} */
import { z } from "zod";
import { defineRoute, type Route } from "../server/route.ts";
import { acceptedView } from "../views/schemas.ts";

const tag = "Vendors";
const params = z.strictObject({ vendor: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "A vendor, as GET /v1/blueprints names it") });
const facts = { method: "post", scope: "admin", tag, everyTenant: true, params } as const;
const accepted = {
  202: { what: "Recorded; an operation makes it so", schema: acceptedView, headers: { Location: "The operation: /v1/operations/{id}" } },
};

const revokeVendor = defineRoute({
  ...facts,
  path: "/v1/vendors/{vendor}/revoke",
  summary: "Take a vendor's access away over all tenants",
  description:
    "Every trust is closed and every session ended first; the operation's result reports each. Until the vendor is reinstated no PUT, reconcile or repair opens a trust to it.",
  responses: accepted,
})(async ({ services, caller, params: { vendor } }) => answer(await services.setRevocation(caller, { vendor, to: "revoked" })));

const reinstateVendor = defineRoute({
  ...facts,
  path: "/v1/vendors/{vendor}/reinstate",
  summary: "Give a vendor its access back",
  description: "Every integration goes up again as it was last asked for, and is proven.",
  responses: accepted,
})(async ({ services, caller, params: { vendor } }) => answer(await services.setRevocation(caller, { vendor, to: "reinstated" })));

const answer = <O extends { id: string }>({ operation }: { operation: O }) => ({
  status: 202 as const,
  body: { operation },
  headers: { Location: `/v1/operations/${operation.id}` },
});

export const vendorRoutes: Route[] = [revokeVendor, reinstateVendor];
