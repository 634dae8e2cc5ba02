/** The JSON form of tenants and integrations in the API. Requests are checked strictly, and answers are described exactly. */

import { z } from "zod";
import { stackKinds } from "../../../stacks/stack.ts";
import { nameSchema } from "../../model/names.ts";
import { accountId, policyArn, region, tenantAccess } from "../../model/tenant.ts";
import { operationSchema } from "./operation-schemas.ts";

const timestamp = z.iso.datetime().meta({ description: "RFC 3339, UTC" });

/** An opaque position in a list. */
export const cursorSchema = z.string().regex(/^[\w.~=-]{1,512}$/, "A cursor is taken from nextCursor as it stands");

/** A whole number in a query string. The request holds it as text; the documentation shows a number. */
export const queryNumber = (bounds: { minimum: number; maximum: number; default: number }) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `A whole number from ${bounds.minimum} to ${bounds.maximum}`)
    .transform(Number)
    .pipe(z.int().min(bounds.minimum).max(bounds.maximum))
    .default(bounds.default)
    .meta({
      override: ({ jsonSchema }) => {
        delete jsonSchema.pattern;
        Object.assign(jsonSchema, { type: "integer", ...bounds });
      },
    });

/** The number of items of a page. */
export const limitSchema = queryNumber({ minimum: 1, maximum: 200, default: 50 });

export const pageQuery = z.strictObject({ limit: limitSchema, cursor: cursorSchema.exactOptional() });

/** `{items, nextCursor}` of one kind of item. */
export const pageOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), nextCursor: z.string().nullable() });

export const tenantView = z
  .object({
    name: nameSchema,
    accountId,
    region,
    access: tenantAccess,
    permissionsBoundaryArn: policyArn.exactOptional(),
    tags: z.record(z.string(), z.string()),
    provisioning: z.object({
      externalId: z
        .string()
        .meta({ description: "Made by Drawbridge, one per account id; put it into the trust of the provisioning role" }),
      trustPolicy: z.record(z.string(), z.unknown()).meta({ description: "The trust policy that the provisioning role needs" }),
      refused: z
        .object({
          count: z.number().int(),
          since: z.iso.datetime(),
          cause: z.string().exactOptional(),
          notBefore: z.iso.datetime().exactOptional(),
        })
        .meta({
          description:
            "The role refuses us, so many times in a row; it isn't tried before `notBefore`. A PUT of the tenant has it tried at once",
        })
        .exactOptional(),
    }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: "Tenant" });
export type TenantView = z.output<typeof tenantView>;

const handshake = z.object({
  state: z.enum([
    "awaiting-customer",
    "awaiting-external-id",
    "awaiting-vendor-policy",
    "role-ready",
    "trusted",
    "verified",
    "rotating",
    "revoked",
    "offboarding",
    "gone",
  ]),
  awaiting: z.array(
    z.object({
      what: z.string(),
      from: z.enum(["vendor", "customer", "approver", "drawbridge"]),
      since: timestamp,
      until: timestamp.exactOptional(),
    }),
  ),
});

export const integrationView = z
  .object({
    tenant: nameSchema,
    name: nameSchema,
    blueprint: z.string(),
    vendor: z.string(),
    version: z.string(),
    parameters: z.record(z.string(), z.unknown()).meta({ description: "Without the external id" }),
    settings: z.record(z.string(), z.unknown()),
    externalIds: z.array(z.object({ fingerprint: z.string(), since: timestamp, until: timestamp.exactOptional() })),
    handshake,
    stacks: z.array(
      z.object({
        kind: z.enum(stackKinds),
        project: z.literal("drawbridge"),
        stack: z.string(),
        backendUrl: z.string(),
        status: z.enum(["changing", "up", "gone"]),
      }),
    ),
    outputs: z.record(z.string(), z.unknown()),
    handOff: z
      .array(z.object({ field: z.string(), value: z.string(), where: z.string() }))
      .exactOptional()
      .meta({ description: "What to put into the vendor's set-up form, in the form's own words" }),
    proof: z.object({ verdict: z.enum(["green", "red"]), at: timestamp }).exactOptional(),
    lastOperation: z.string().exactOptional().meta({ description: "Its id" }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: "Integration" });
export type IntegrationView = z.output<typeof integrationView>;

export const acceptedView = z.object({ operation: operationSchema });
export const acceptedIntegrationView = z.object({ operation: operationSchema, integration: integrationView });

/** The answer with `format=cloudformation`. */
export const cloudFormationTemplate = z
  .record(z.string(), z.unknown())
  .meta({ id: "CloudFormationTemplate", description: "With `format=cloudformation`" });
