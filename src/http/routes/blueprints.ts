/** /v1/blueprints */

import { z } from "zod";
import { blueprints, findBlueprint } from "../../blueprints/registry.ts";
import { ProblemError } from "../../problem.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { showBlueprint } from "../views/show.ts";

const tag = "Blueprints";

const blueprintView = z
  .object({
    id: z.string(),
    vendor: z.string(),
    version: z.string(),
    title: z.string(),
    source: z.object({ document: z.string(), date: z.string() }),
    parameters: z.record(z.string(), z.unknown()).meta({ description: "JSON Schema 2020-12" }),
    access: z.array(z.string()).meta({ description: "What the vendor may do, in words" }),
    handOff: z.array(z.object({ field: z.string(), what: z.string() })),
  })
  .meta({ id: "Blueprint" });

const listBlueprints = defineRoute({
  method: "get",
  path: "/v1/blueprints",
  scope: "read",
  tag,
  summary: "List the blueprints",
  responses: { 200: { what: "All of them", schema: z.object({ items: z.array(blueprintView), nextCursor: z.null() }) } },
})(async () => ({ status: 200, body: { items: blueprints.map(showBlueprint), nextCursor: null } }));

const getBlueprint = defineRoute({
  method: "get",
  path: "/v1/blueprints/{id}",
  scope: "read",
  tag,
  summary: "Read a blueprint",
  params: z.strictObject({ id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "A blueprint id, as GET /v1/blueprints lists them") }),
  responses: { 200: { what: "The blueprint", schema: blueprintView } },
})(async ({ params: { id } }) => {
  const found = findBlueprint(id);
  if (!found) throw new ProblemError("not_found", "There is no such blueprint.");
  return { status: 200, body: showBlueprint(found) };
});

export const blueprintRoutes: Route[] = [listBlueprints, getBlueprint];
