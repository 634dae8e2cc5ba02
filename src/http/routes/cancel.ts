/** POST /v1/operations/{id}/cancel */

import { z } from "zod";
import { cancelOperation, forceEnd } from "../../operations/cancel.ts";
import { requireOperation } from "../../operations/visible.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { operationIdSchema, operationSchema } from "../views/operation-schemas.ts";
import { showOperation } from "../views/show.ts";

const cancelRoute = defineRoute({
  method: "post",
  path: "/v1/operations/{id}/cancel",
  scope: "write",
  tag: "Operations",
  summary: "Cancel an operation and those that it started",
  description:
    "A waiting one ends at once. A running one is interrupted: calls in flight end, state is saved, and it ends as `cancelled` by itself; what it had done stays and the next run goes on from there. Needs the scope that starts such an operation as well: `destroy` for a teardown, `admin` for a revocation. `force` ends its processes after 3 s: a call that was in flight may have had its effect, which the next run finds and takes in. One that has ended stays as it is.",
  params: z.strictObject({ id: operationIdSchema }),
  body: z.strictObject({ force: z.boolean().default(false) }),
  responses: { 200: { what: "The operation as it is now; follow it to its end", schema: operationSchema } },
})(async ({ api: { context, cancels, killing }, caller, params, body: { force } }) => {
  const { id } = await requireOperation(context.store.db, caller, params.id);
  const operation = await cancelOperation(context.store, cancels, { id, caller });
  if (force) await forceEnd(context.store, id, killing);
  return { status: 200, body: showOperation(operation) };
});

export const cancelRoutes: Route[] = [cancelRoute];
