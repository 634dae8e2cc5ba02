/** /v1/vendors/{vendor} */

import { z } from "zod";
import { requestRevocation } from "../../vendors/revoke-vendor.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { acceptedView } from "../views/schemas.ts";
import { accepted } from "../views/show.ts";

const tag = "Vendors";
const params = z.strictObject({ vendor: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "A vendor, as GET /v1/blueprints names it") });
const facts = { method: "post", scope: "admin", tag, everyTenant: true, params } as const;
const responses = {
  202: { what: "Recorded; an operation makes it so", schema: acceptedView, headers: { Location: "The operation: /v1/operations/{id}" } },
};

const revokeVendor = defineRoute({
  ...facts,
  path: "/v1/vendors/{vendor}/revoke",
  summary: "Take a vendor's access away over all tenants",
  description:
    "Every trust is closed and every session ended first; the operation's result reports each. Until the vendor is reinstated no PUT, reconcile or repair opens a trust to it.",
  responses,
})(async ({ api: { context }, caller, params: { vendor } }) =>
  accepted(await requestRevocation(context, { vendor, to: "revoked", requestedBy: caller.subject })),
);

const reinstateVendor = defineRoute({
  ...facts,
  path: "/v1/vendors/{vendor}/reinstate",
  summary: "Give a vendor its access back",
  description: "Every integration goes up again as it was last asked for, and is proven.",
  responses,
})(async ({ api: { context }, caller, params: { vendor } }) =>
  accepted(await requestRevocation(context, { vendor, to: "reinstated", requestedBy: caller.subject })),
);

export const vendorRoutes: Route[] = [revokeVendor, reinstateVendor];
