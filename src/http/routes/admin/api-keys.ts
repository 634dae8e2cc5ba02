/** /v1/keys: API keys. */

import { z } from "zod";
import { makeKey, removeKey, rotateKey } from "../../../access/identity/api-keys.ts";
import { scopes } from "../../../model/caller.ts";
import { nameSchema } from "../../../model/names.ts";
import { type ApiKeyRecord, listApiKeys } from "../../../store/api-keys.ts";
import { defineRoute, type Route } from "../../server/route.ts";
import { pageOf, pageQuery } from "../../views/schemas.ts";

const tag = "API keys";
const collection = "/v1/keys";
const timestamp = z.iso.datetime();
const params = z.strictObject({ id: z.string().regex(/^[a-z0-9-]{1,64}$/, "A key's id") });
const facts = { scope: "admin", everyTenant: true, tag } as const;

const subject = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "1 to 64 letters, digits and . _ -")
  .meta({ description: "Who uses it: the name in the log, the audit and approvals" });
const tenants = z.union([z.literal("*"), z.array(nameSchema).min(1).max(1_000)]);

const keyBody = z
  .strictObject({
    subject,
    tenants: tenants.meta({ description: "Names of tenants, or `*` for all there are and will be" }),
    scopes: z.array(z.enum(scopes)).min(1).max(scopes.length),
    expiresAt: timestamp.exactOptional(),
  })
  .meta({ id: "ApiKeyBody" });

const shape = {
  id: z.string(),
  subject,
  tenants,
  scopes: z.array(z.enum(scopes)),
  createdBy: z.string(),
  createdAt: timestamp,
  expiresAt: timestamp.exactOptional(),
  lastUsedAt: timestamp.exactOptional().meta({ description: "To the minute" }),
};
const keyView = z.object(shape).meta({ id: "ApiKey" });
const madeView = z
  .object({ ...shape, key: z.string().meta({ description: "The bearer token, shown this once" }) })
  .meta({ id: "MadeApiKey" });

const make = defineRoute({
  ...facts,
  method: "post",
  path: collection,
  secretAnswer: true,
  summary: "Make an API key",
  description: "It can hold no scope that its maker doesn't hold. The key itself is shown this once and stored as a hash.",
  body: keyBody,
  responses: { 201: { what: "The key", schema: madeView } },
})(async ({ api: { context }, caller, body }) => ({ status: 201, body: showKey(await makeKey(context.store.db, caller, body)) }));

const list = defineRoute({
  ...facts,
  method: "get",
  path: collection,
  summary: "List the API keys",
  query: pageQuery,
  responses: { 200: { what: "One page, without the keys themselves", schema: pageOf(keyView) } },
})(async ({ api: { context }, query }) => {
  const { items, nextCursor } = await listApiKeys(context.store.db, query);
  return { status: 200, body: { items: items.map(showKey), nextCursor } };
});

const rotate = defineRoute({
  ...facts,
  method: "post",
  path: `${collection}/{id}/rotate`,
  secretAnswer: true,
  summary: "Replace an API key",
  description: "The new one has the same subject, tenants, scopes and end. The old one works for the overlap.",
  params,
  body: z.strictObject({
    overlapMinutes: z
      .int()
      .min(0)
      .max(7 * 24 * 60)
      .default(60),
  }),
  responses: { 201: { what: "The new key", schema: madeView } },
})(async ({ api: { context }, caller, params: { id }, body }) => ({
  status: 201,
  body: showKey(await rotateKey(context.store.db, caller, id, body.overlapMinutes)),
}));

const remove = defineRoute({
  ...facts,
  method: "delete",
  path: `${collection}/{id}`,
  summary: "End an API key at once",
  params,
  responses: { 204: { what: "It opens nothing any more" } },
})(async ({ api: { context }, params: { id } }) => {
  await removeKey(context.store.db, id);
  return { status: 204 };
});

const showKey = <K extends ApiKeyRecord>({ family: _family, ...view }: K) => view;

export const apiKeyRoutes: Route[] = [make, list, rotate, remove];
