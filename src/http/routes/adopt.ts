/** POST …/adopt: an integration takes over an existing role. */

import { z } from "zod";
import { requestAdoption } from "../../integrations/adopt.ts";
import { nameSchema } from "../../model/names.ts";
import { admit } from "../../operations/admission.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { acceptedView } from "../views/schemas.ts";
import { accepted } from "../views/show.ts";

const adopt = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant}/integrations/{name}/adopt",
  scope: "write",
  tag: "Integrations",
  summary: "Take over a role that the hand-off's template or a person made",
  description:
    "The role stays the same and is never made anew. One that differs from what the integration would make is refused with `adopt_differs`; the operation's result says how. A warning names a CloudFormation stack that still has it.",
  params: z.strictObject({ tenant: nameSchema, name: nameSchema }),
  body: z.strictObject({
    roleArn: z
      .string()
      .regex(
        /^arn:aws(?:-[a-z]+)*:iam::\d{12}:role\/(?:[!-.0-~]+\/)*[\w+=,.@-]{1,64}$/,
        "A role ARN is arn:aws:iam::<12 digits>:role/<name>",
      ),
  }),
  responses: {
    202: { what: "An operation takes it over", schema: acceptedView, headers: { Location: "The operation: /v1/operations/{id}" } },
  },
  problems: ["invalid_parameters", "access_mode_disabled", "too_many_operations"],
})(async ({ api: { context }, caller, params, body: { roleArn } }) => {
  await admit(context.store.db, params.tenant);
  return accepted(await requestAdoption(context, { ...params, roleArn, requestedBy: caller.subject, credential: caller.credential }));
});

export const adoptRoutes: Route[] = [adopt];
