/** /v1/reconcile */

import { z } from "zod";
import { acceptPush, askerOf } from "../../gitops/accept-reconcile.ts";
import { manifestEnvelope } from "../../model/manifest.ts";
import { repositoryFault } from "../../model/repository-name.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { acceptedView } from "../views/schemas.ts";
import { accepted } from "../views/show.ts";

/**
 * The text is stored and shown, so a URL that contains a token is refused. The length is checked first, so that no long text is searched.
 */
const repository = z
  .string()
  .min(1)
  .max(500, { abort: true })
  .superRefine((text, context) => {
    const fault = repositoryFault(text);
    if (fault !== undefined) context.addIssue(fault);
  })
  .meta({ description: "What owns the manifests: the same text at every push" });

const reconcileBody = z
  .strictObject({
    source: z.strictObject({
      repository,
      revision: z.string().min(1).max(200).meta({ description: "The commit" }),
      sequence: z
        .int()
        .min(0)
        .exactOptional()
        .meta({ description: "Rises with every revision, such as a pipeline's number: a lower one than the last is refused" }),
    }),
    manifests: z.array(manifestEnvelope).max(5_000),
    prune: z.boolean().default(false).meta({ description: "Destroy what this source owns and no longer names; needs the scope destroy" }),
    maxDeletes: z.int().min(0).max(5_000).default(0).meta({ description: "More deletes than this wait for an approval, all of them" }),
    dryRun: z.boolean().default(false),
    atomic: z.boolean().default(false).meta({ description: "One refused manifest stops all before anything is changed" }),
  })
  .meta({ id: "ReconcileBody" });

const reconcile = defineRoute({
  method: "post",
  path: "/v1/reconcile",
  scope: "write",
  tag: "Git",
  summary: "Make tenants and integrations equal to a repository's manifests",
  description:
    "Answers one operation with a child for each integration that changes. Its result lists every manifest as added, changed, unchanged, pruned, kept or refused, with the reason.",
  body: reconcileBody,
  isDryRun: ({ dryRun }) => dryRun,
  bodyLimit: 4 * 1024 * 1024,
  responses: {
    202: { what: "An operation plans and applies", schema: acceptedView, headers: { Location: "The operation: /v1/operations/{id}" } },
  },
  problems: ["stale_revision"],
})(async ({ api: { context }, caller, body }) => accepted(await acceptPush(context, body, askerOf(caller))));

export const reconcileRoutes: Route[] = [reconcile];
