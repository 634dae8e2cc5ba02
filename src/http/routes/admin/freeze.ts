/** /v1/freeze: stops everything that writes to AWS. */
import { z } from "zod";
import { defineRoute, type Route } from "../../server/route.ts";

const facts = { path: "/v1/freeze", scope: "admin", everyTenant: true, tag: "System" } as const;

const freezeView = z.object({ reason: z.string(), requestedBy: z.string(), since: z.iso.datetime() }).meta({ id: "Freeze" });

const freeze = defineRoute({
  ...facts,
  method: "post",
  summary: "Freeze: no AWS write from within 5 s on",
  description:
    "Running operations are interrupted and given back; queued ones stay queued; requests are still taken. Every answer has `Drawbridge-Frozen: true` until the freeze ends.",
  body: z.strictObject({ reason: z.string().min(1).max(500) }),
  responses: { 200: { what: "Frozen", schema: freezeView } },
})(async ({ api, caller: { subject }, body: { reason } }) => ({
  status: 200,
  body: await api.freeze.begin({ reason, requestedBy: subject }),
}));

const unfreeze = defineRoute({
  ...facts,
  method: "delete",
  summary: "End the freeze: queued operations run again",
  responses: { 204: { what: "Not frozen" } },
})(async ({ api }) => {
  await api.freeze.end();
  return { status: 204 };
});

export const freezeRoutes: Route[] = [freeze, unfreeze];
