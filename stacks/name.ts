/** Names of stacks and state prefixes: deterministic, bounded, safe in an S3 key and in Pulumi. */
import { hash } from "node:crypto";
import type { StackAddress, StackKind } from "./stack.ts";

const SLUG_LENGTH = 60;

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, SLUG_LENGTH) || "x";

/**
 * The stack's name, `<kind>.<key-slug>-<8 hex>`: the hash keeps keys apart whose slugs are equal. At most 90 characters;
 * Pulumi allows letters, digits, `-`, `_` and `.` up to 100.
 */
export function stackName(kind: StackKind, key: string): string {
  return `${kind}.${slug(key)}-${hash("sha256", `${kind}\0${key}`).slice(0, 8)}`;
}

/**
 * The tenant's backend URL under the service's state URL (`s3://bucket?query`): one S3 prefix per tenant, so that a session
 * can be limited to it. Never carries `profile`; the engine adds that for the CLI alone.
 */
export function tenantBackendUrl(stateUrl: string, tenant: string): string {
  const [base = "", query] = stateUrl.split("?", 2);
  const prefix = `${base.replace(/\/+$/, "")}/tenants/${tenant}`;
  return query ? `${prefix}?${query}` : prefix;
}

/** Where the state of a tenant's stack lives. */
export function stackAddress(stateUrl: string, tenant: string, kind: StackKind, key: string): StackAddress {
  return { kind, project: "drawbridge", stack: stackName(kind, key), backendUrl: tenantBackendUrl(stateUrl, tenant) };
}

/** The tags that every resource of a stack carries; the inventory and every adoption go by them. */
export function ownershipTags(tenant: string, integration: string, kind: StackKind, key: string): Record<string, string> {
  return {
    "drawbridge:tenant": tenant,
    "drawbridge:integration": integration,
    "drawbridge:stack": stackName(kind, key),
  };
}
