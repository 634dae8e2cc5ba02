/** What tenants and integrations look like on the wire: strict on the way in, exact on the way out. */
import { z } from "zod";
import { operationSchema } from "./operation-schemas.ts";

const timestamp = z.iso.datetime().meta({ description: "RFC 3339, UTC" });

/** Tenant and integration names become parts of stack names, tags and state prefixes: short, lower case, no dots or slashes. */
export const nameSchema = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
    "A name has 1 to 40 lower-case letters, digits and hyphens, and neither begins nor ends with a hyphen",
  )
  .meta({ id: "Name", example: "acme" });

/** An opaque position in a list. */
export const cursorSchema = z.string().regex(/^[\w.~=-]{1,512}$/, "A cursor is taken from nextCursor as it stands");

/** A whole number in a query string: it travels as text and is documented as the number that it is. */
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

/** How many items a page holds. */
export const limitSchema = queryNumber({ minimum: 1, maximum: 200, default: 50 });

export const pageQuery = z.strictObject({ limit: limitSchema, cursor: cursorSchema.exactOptional() });

/** `{items, nextCursor}` of one kind of thing. */
export const pageOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), nextCursor: z.string().nullable() });

const accountId = z
  .string()
  .regex(/^\d{12}$/, "An AWS account id is a string of 12 digits")
  .meta({ example: "111122223333" });

// IAM user guide, "IAM identifiers": arn:partition:iam::account:role/path/name, path up to 512 and name up to 64 characters
const roleArn = z
  .string()
  .max(700)
  .regex(
    /^arn:aws(?:-[a-z]+)*:iam::\d{12}:role\/(?:[!-.0-~]+\/)*[\w+=,.@-]{1,64}$/,
    "An IAM role ARN is arn:aws:iam::<12 digits>:role/<name>",
  )
  .meta({ example: "arn:aws:iam::111122223333:role/DrawbridgeProvisioning" });

const policyArn = z
  .string()
  .max(700)
  .regex(
    /^arn:aws(?:-[a-z]+)*:iam::(?:\d{12}|aws):policy\/(?:[!-.0-~]+\/)*[\w+=,.@-]{1,128}$/,
    "A policy ARN is arn:aws:iam::<12 digits>:policy/<name>",
  );

const region = z
  .string()
  .regex(/^[a-z]{2,4}(?:-[a-z]+){1,2}-\d{1,2}$/, "An AWS region, such as eu-west-1")
  .meta({ example: "eu-west-1" });

// IAM tags: keys up to 128, values up to 256 characters, 50 a role; ten are kept for our own
const tags = z
  .record(
    z
      .string()
      .regex(
        /^(?![aA][wW][sS]:|drawbridge:)[A-Za-z0-9 _.:/=+@-]{1,128}$/,
        "A tag key has 1 to 128 letters, digits, spaces and _ . : / = + - @, and doesn't begin with aws: or drawbridge:",
      ),
    z.string().regex(/^[A-Za-z0-9 _.:/=+@-]{0,256}$/, "A tag value has up to 256 letters, digits, spaces and _ . : / = + - @"),
  )
  .refine((record) => Object.keys(record).length <= 40, "At most 40 tags");

const access = z
  .discriminatedUnion("mode", [
    z.strictObject({ mode: z.literal("assume-role"), roleArn }),
    z.strictObject({ mode: z.literal("own-credentials") }),
    z.strictObject({ mode: z.literal("hand-off") }),
  ])
  .meta({ id: "TenantAccess" });

export const tenantBody = z
  .strictObject({
    accountId,
    region,
    access,
    permissionsBoundaryArn: policyArn.exactOptional(),
    tags: tags.exactOptional(),
  })
  .meta({ id: "TenantBody" });
export type TenantBody = z.output<typeof tenantBody>;

export const tenantView = z
  .object({
    name: nameSchema,
    accountId,
    region,
    access,
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

export const integrationBody = z
  .strictObject({
    blueprint: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "A blueprint id, as GET /v1/blueprints lists them"),
    version: z
      .string()
      .regex(/^\d{1,4}\.\d{1,4}\.\d{1,4}$/, "A version is <major>.<minor>.<patch>")
      .exactOptional()
      .meta({ description: "Omitted: the pinned version; at create the newest" }),
    parameters: z.record(z.string(), z.unknown()).meta({ description: "As the blueprint's own JSON Schema wants them" }),
    settings: z
      .strictObject({
        drift: z
          .enum(["observe", "remediate", "ignore"])
          .exactOptional()
          .meta({ description: "What to do about drift; observe unless said" }),
        paused: z.boolean().exactOptional().meta({ description: "Reconciles and remediation leave it alone" }),
      })
      .exactOptional(),
  })
  .meta({ id: "IntegrationBody" });
export type IntegrationBody = z.output<typeof integrationBody>;

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
        kind: z.enum(["kms-key", "role", "bucket-policy", "collector"]),
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
