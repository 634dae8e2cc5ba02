/** What tenants and integrations may be called. */
import { z } from "zod";

/** Tenant and integration names become parts of stack names, tags and state prefixes: short, lower case, no dots or slashes. */
export const nameSchema = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
    "A name has 1 to 40 lower-case letters, digits and hyphens, and neither begins nor ends with a hyphen",
  )
  .meta({ id: "Name", example: "acme" });
