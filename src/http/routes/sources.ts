/** /v1/sources: repositories that the service fetches itself. */

import { z } from "zod";
import { fetchNow, putSource, removeSource, requireSource } from "../../gitops/sources.ts";
import { nameSchema } from "../../model/names.ts";
import { repositoryName } from "../../model/repository-name.ts";
import type { SourceRecord } from "../../model/source.ts";
import { listSources } from "../../store/sources.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { acceptedView, pageOf, pageQuery } from "../views/schemas.ts";
import { accepted } from "../views/show.ts";

const tag = "Git";
const path = "/v1/sources/{source}";
const params = z.strictObject({ source: nameSchema });
const timestamp = z.iso.datetime();

const repository = z
  .string()
  .max(500)
  .regex(
    /^(?:https:\/\/[A-Za-z0-9.-]+(?::\d+)?\/[\w.~/-]+|ssh:\/\/[\w.-]+@[A-Za-z0-9.-]+(?::\d+)?\/[\w.~/-]+|git@[A-Za-z0-9.-]+:[\w.~/-]+|(?:file:\/\/)?\/[\w.~/-]+)$/,
    "A repository is https://host/path, ssh://user@host/path, git@host:path or a folder of the service's machine; credentials don't stand in it",
  );
const branch = z.string().regex(/^(?!-)(?!.*\.\.)[\w./-]{1,200}$/, "A branch's name, without refs/heads/");
const folder = z.string().regex(/^(?!\/)(?!.*\.\.)[\w. /-]{1,300}$/, "A folder inside the repository");
const secret = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, "The name of a file in the service's secrets folder");

const sourceBody = z
  .strictObject({
    repository,
    branch: branch.default("main"),
    path: folder.exactOptional(),
    credentials: secret.exactOptional().meta({ description: "Its file holds a token for https, a private key for ssh" }),
    webhookSecret: secret.exactOptional().meta({ description: "Its file holds the webhook's secret; without it no delivery is taken" }),
    repositoryName: z
      .string()
      .regex(/^[\w.-]+\/[\w.-]+$/, "owner/name")
      .exactOptional()
      .meta({ description: "Deliveries about another repository are ignored" }),
    interval: z.int().min(60).max(86_400).default(300).meta({ description: "Seconds between two fetches" }),
    prune: z.boolean().default(false),
    maxDeletes: z.int().min(0).max(5_000).default(0),
  })
  .meta({ id: "SourceBody" });

const sourceView = z
  .object({
    name: z.string(),
    kind: z.enum(["pull", "push"]),
    repository: z.string(),
    branch: z.string().exactOptional(),
    path: z.string().exactOptional(),
    credentials: z.string().exactOptional(),
    webhookSecret: z.string().exactOptional(),
    repositoryName: z.string().exactOptional(),
    interval: z.int().exactOptional(),
    prune: z.boolean().exactOptional(),
    maxDeletes: z.int().exactOptional(),
    sequence: z.int().exactOptional(),
    revision: z.string().exactOptional(),
    lastOperation: z.string().exactOptional(),
    lastAt: timestamp.exactOptional(),
    createdAt: timestamp,
  })
  .meta({ id: "Source" });

const putRoute = defineRoute({
  method: "put",
  path,
  scope: "admin",
  everyTenant: true,
  tag,
  summary: "Register a repository, or change it",
  params,
  body: sourceBody,
  responses: { 200: { what: "It exists, as written", schema: sourceView }, 201: { what: "Registered", schema: sourceView } },
})(async ({ api: { context }, caller, params: { source: name }, body }) => {
  const { created, source } = await putSource(context, { name, body, by: caller });
  return { status: created ? 201 : 200, body: showSource(source) };
});

const getSource = defineRoute({
  method: "get",
  path,
  scope: "read",
  everyTenant: true,
  tag,
  summary: "Read a source",
  params,
  responses: { 200: { what: "The source", schema: sourceView } },
})(async ({ api: { context }, params: { source } }) => ({ status: 200, body: showSource(await requireSource(context, source)) }));

const listRoute = defineRoute({
  method: "get",
  path: "/v1/sources",
  scope: "read",
  everyTenant: true,
  tag,
  summary: "List sources, those that are pushed too",
  query: pageQuery,
  responses: { 200: { what: "One page", schema: pageOf(sourceView) } },
})(async ({ api: { context }, query }) => {
  const { items, nextCursor } = await listSources(context.store.db, query);
  return { status: 200, body: { items: items.map(showSource), nextCursor } };
});

const deleteSource = defineRoute({
  method: "delete",
  path,
  scope: "admin",
  everyTenant: true,
  tag,
  summary: "Forget a source; what it owned stays as it is and belongs to nobody",
  params,
  responses: { 204: { what: "Forgotten" } },
})(async ({ api: { context }, params: { source } }) => {
  await removeSource(context, source);
  return { status: 204 };
});

const fetchSource = defineRoute({
  method: "post",
  path: `${path}/fetch`,
  scope: "write",
  everyTenant: true,
  tag,
  summary: "Fetch and reconcile now",
  params,
  responses: {
    202: { what: "An operation fetches and reconciles", schema: acceptedView, headers: { Location: "The operation: /v1/operations/{id}" } },
  },
})(async ({ api: { context }, caller, params: { source } }) =>
  accepted(await fetchNow(context, source, { subject: caller.subject, credential: caller.credential })),
);

const showSource = ({
  tenants: _tenants,
  requestedBy: _by,
  scopes: _scopes,
  author: _author,
  failures: _failures,
  repository,
  ...view
}: SourceRecord) => ({
  ...view,
  // Replicas of an earlier version may still store a URL with a token in it.
  repository: repositoryName(repository),
});

export const sourceRoutes: Route[] = [listRoute, putRoute, getSource, deleteSource, fetchSource];
