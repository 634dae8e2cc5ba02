/** /v1/trusted-principals: the principals that integrations of vendors without a blueprint may trust. */

import { z } from "zod";
import { OutsidePrincipal } from "../../../iam/words/principal.ts";
import { nameSchema } from "../../../model/names.ts";
import { ProblemError } from "../../../problem.ts";
import { deleteTrustedPrincipal, findTrustedPrincipal, saveTrustedPrincipal } from "../../../store/trusted-principals.ts";
import { defineRoute, type Route } from "../../server/route.ts";

const tag = "Trusted principals";
const path = "/v1/trusted-principals/{id}";
const params = z.strictObject({ id: nameSchema });

const view = z
  .object({ id: nameSchema, vendor: nameSchema, principalArn: z.string(), addedBy: z.string(), createdAt: z.iso.datetime() })
  .meta({ id: "TrustedPrincipal" });
const responses = { 200: { what: "The principal", schema: view } };

const put = defineRoute({
  method: "put",
  path,
  scope: "admin",
  everyTenant: true,
  tag,
  summary: "Allow a principal to be trusted for a vendor",
  params,
  body: z.strictObject({ vendor: nameSchema, principalArn: OutsidePrincipal }),
  responses,
})(async ({ api: { context }, caller, params: { id }, body }) => ({
  status: 200,
  body: await saveTrustedPrincipal(context.store.db, { id, ...body, addedBy: caller.subject }),
}));

const get = defineRoute({ method: "get", path, scope: "admin", everyTenant: true, tag, summary: "Read one", params, responses })(
  async ({ api: { context }, params: { id } }) => {
    const found = await findTrustedPrincipal(context.store.db, id);
    if (!found) throw noPrincipal();
    return { status: 200, body: found };
  },
);

const remove = defineRoute({
  method: "delete",
  path,
  scope: "admin",
  everyTenant: true,
  tag,
  summary: "Take it off the list",
  description: "Integrations that exist keep what they were given.",
  params,
  responses: { 204: { what: "It is off the list" } },
})(async ({ api: { context }, params: { id } }) => {
  if (!(await deleteTrustedPrincipal(context.store.db, id))) throw noPrincipal();
  return { status: 204 };
});

const noPrincipal = () => new ProblemError("not_found", "There is no such trusted principal.");

export const trustedPrincipalRoutes: Route[] = [put, get, remove];
