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
 * The stack's name, `<kind>.<key-slug>-<8 hex>`. The hash separates keys with equal slugs. At most 90 characters; Pulumi allows up to 100
 * letters, digits, `-`, `_` and `.`.
 */
export function stackName(kind: StackKind, key: string): string {
  return `${kind}.${slug(key)}-${hash("sha256", `${kind}\0${key}`).slice(0, 8)}`;
}

/**
 * The tenant's backend URL under the service's state URL (`s3://bucket?query`). Each tenant has its own S3 prefix, so that a session can be
 * limited to it. The URL never contains `profile`; the engine adds that only for the CLI.
 */
export function tenantBackendUrl(stateUrl: string, tenant: string): string {
  const [base = "", query] = stateUrl.split("?", 2);
  const prefix = `${base.replace(/\/+$/, "")}/tenants/${tenant}`;
  return query ? `${prefix}?${query}` : prefix;
}

/** Where the state of a tenant's stack is. */
export function stackAddress(stateUrl: string, tenant: string, kind: StackKind, key: string): StackAddress {
  return { kind, project: "drawbridge", stack: stackName(kind, key), backendUrl: tenantBackendUrl(stateUrl, tenant) };
}

/** The tags that every resource of a stack carries. The inventory and every adoption use them. */
export function ownershipTags(tenant: string, integration: string, kind: StackKind, key: string): Record<string, string> {
  return {
    "drawbridge:tenant": tenant,
    "drawbridge:integration": integration,
    "drawbridge:stack": stackName(kind, key),
  };
}
