/** /v1/tenants/{tenant}/keys */

import { z } from "zod";
import { deleteKey, listKeys } from "../../integrations/stacks/keys.ts";
import { nameSchema } from "../../model/names.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { operationSchema } from "../views/operation-schemas.ts";
import { accepted } from "../views/show.ts";

const tag = "Keys";
const collection = "/v1/tenants/{tenant}/keys";
const timestamp = z.iso.datetime();

/** The name of a stack's key: the integration's name. If the integration has several keys, a dot and a purpose or a key id follow. */
const stackKey = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,120}$/, "A key's name, as the list shows it");

const keyView = z
  .object({
    key: stackKey,
    keyArn: z.string(),
    alias: z.string(),
    state: z.enum(["owned", "retained", "pending-deletion"]),
    integration: nameSchema,
    since: timestamp.exactOptional().meta({ description: "Since when it is retained" }),
    deletionDate: timestamp.exactOptional(),
  })
  .meta({ id: "Key" });
export type KeyView = z.output<typeof keyView>;

const listRoute = defineRoute({
  method: "get",
  path: collection,
  scope: "read",
  tag,
  summary: "The KMS keys that Drawbridge made for a tenant, in use and left over",
  params: z.strictObject({ tenant: nameSchema }),
  responses: { 200: { what: "All of them", schema: z.object({ items: z.array(keyView) }) } },
})(async ({ api: { context }, params: { tenant } }) => ({ status: 200, body: { items: await listKeys(context, tenant) } }));

const deleteRoute = defineRoute({
  method: "post",
  path: `${collection}/{key}/delete`,
  scope: "destroy",
  tag,
  summary: "Schedule the deletion of a key that is left over",
  description: "What the key encrypted can't be read after that day. `confirm` repeats the key's name.",
  params: z.strictObject({ tenant: nameSchema, key: stackKey }),
  body: z.strictObject({ confirm: z.string().max(121), days: z.int().min(7).max(30).default(30) }),
  responses: {
    202: {
      what: "An operation schedules it",
      schema: z.object({ operation: operationSchema }),
      headers: { Location: "The operation: /v1/operations/{id}" },
    },
  },
  problems: ["key_in_use", "confirmation_mismatch"],
})(async ({ api: { context }, caller, params, body }) =>
  accepted(await deleteKey(context, { ...params, ...body, requestedBy: caller.subject })),
);

export const keyRoutes: Route[] = [listRoute, deleteRoute];
