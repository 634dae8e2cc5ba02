/** /v1/operations */

import { z } from "zod";
import { nameSchema } from "../../model/names.ts";
import { followEvents } from "../../operations/events.ts";
import { requireOperation } from "../../operations/visible.ts";
import { eventsAfter } from "../../store/events.ts";
import { listOperations } from "../../store/operations.ts";
import { RequestError } from "../server/problem-response.ts";
import { defineRoute, type Route } from "../server/route.ts";
import {
  operationEventSchema,
  operationIdSchema,
  operationKindSchema,
  operationSchema,
  operationStateSchema,
} from "../views/operation-schemas.ts";
import { limitSchema, pageOf, pageQuery, queryNumber } from "../views/schemas.ts";
import { showOperation } from "../views/show.ts";

const tag = "Operations";
const path = "/v1/operations/{id}";
const params = z.strictObject({ id: operationIdSchema });

const getOperation = defineRoute({
  method: "get",
  path,
  scope: "read",
  tag,
  summary: "Read an operation",
  params,
  responses: { 200: { what: "The operation", schema: operationSchema } },
})(async ({ api: { context }, caller, params: { id } }) => ({
  status: 200,
  body: showOperation(await requireOperation(context.store.db, caller, id)),
}));

const listRoute = defineRoute({
  method: "get",
  path: "/v1/operations",
  scope: "read",
  tag,
  summary: "List operations, newest first",
  query: pageQuery.extend({
    tenant: nameSchema.exactOptional(),
    integration: nameSchema.exactOptional(),
    kind: operationKindSchema.exactOptional(),
    state: operationStateSchema.exactOptional(),
  }),
  responses: { 200: { what: "One page", schema: pageOf(operationSchema) } },
})(async ({ api: { context }, caller, query }) => {
  const { items, nextCursor } = await listOperations(context.store.db, { ...query, tenants: caller.tenants });
  return { status: 200, body: { items: items.map(showOperation), nextCursor } };
});

/** The seq of the last event that the client has; 0 before the first. */
const after = queryNumber({ minimum: 0, maximum: 999_999_999, default: 0 });

const getEvents = defineRoute({
  method: "get",
  path: `${path}/events`,
  scope: "read",
  tag,
  summary: "Read or follow what happens in an operation",
  description:
    "With Accept: text/event-stream the events follow until the operation ends; Last-Event-ID takes up after that event. Otherwise one page of JSON, `nextCursor` being the `after` of the next.",
  params,
  query: z.strictObject({ after, limit: limitSchema }),
  responses: { 200: { what: "Events, in order", schema: pageOf(operationEventSchema), type: "text/event-stream" } },
})(async ({ api: { context }, caller, params: { id }, query, header, signal }) => {
  const isStream = wantsStream(header("accept"));
  const from = isStream ? (lastEventId(header("last-event-id")) ?? query.after) : query.after;
  // This comes before the stream's status 200 is sent, so that a missing operation can still be a 404
  await requireOperation(context.store.db, caller, id);
  if (isStream) return { status: 200, events: followEvents(context.store, id, from, signal) };
  const items = await eventsAfter(context.store.db, id, from, query.limit);
  const last = items.at(-1);
  return { status: 200, body: { items, nextCursor: last && items.length === query.limit ? String(last.seq) : null } };
});

/** An EventSource sends exactly this type. A client that accepts any type gets JSON. */
function wantsStream(accept: string | undefined): boolean {
  return (accept ?? "").toLowerCase().includes("text/event-stream");
}

function lastEventId(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  throw new RequestError([{ in: "header", name: "Last-Event-ID", detail: "Give the id of an event of this stream" }]);
}

export const operationRoutes: Route[] = [listRoute, getOperation, getEvents];
