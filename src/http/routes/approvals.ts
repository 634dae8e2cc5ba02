/** Held plans: approve exactly the plan that was shown, or discard it. */

import { z } from "zod";
import { approve, discard } from "../../integrations/approval/approve.ts";
import { requireOperation } from "../../operations/visible.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { operationIdSchema, operationSchema } from "../views/operation-schemas.ts";
import { showOperation } from "../views/show.ts";

const tag = "Operations";
const params = z.strictObject({ id: operationIdSchema });
const responses = { 200: { what: "The operation as it is now", schema: z.object({ operation: operationSchema }) } };

const approveRoute = defineRoute({
  method: "post",
  path: "/v1/operations/{id}/approve",
  scope: "approve",
  tag,
  summary: "Let the plan that waits run",
  description: "`planHash` is the operation's own. Whoever asked for the operation can't approve it.",
  params,
  body: z.strictObject({ planHash: z.string().regex(/^[0-9a-f]{64}$/, "A plan's hash has 64 hexadecimal digits") }),
  responses,
  problems: ["not_awaiting_approval", "plan_stale", "approver_is_requester"],
})(async ({ api: { context }, caller, params: { id }, body: { planHash } }) => {
  const held = await requireOperation(context.store.db, caller, id);
  return { status: 200, body: { operation: showOperation(await approve(context, held, { planHash, subject: caller.subject })) } };
});

const discardRoute = defineRoute({
  method: "post",
  path: "/v1/operations/{id}/discard",
  scope: "write",
  tag,
  summary: "Let the plan that waits go; nothing of it is done",
  params,
  responses,
  problems: ["not_awaiting_approval"],
})(async ({ api: { context }, caller, params: { id } }) => {
  const held = await requireOperation(context.store.db, caller, id);
  return { status: 200, body: { operation: showOperation(await discard(context, held)) } };
});

export const approvalRoutes: Route[] = [approveRoute, discardRoute];
