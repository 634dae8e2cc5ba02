/** Who asks, and what they were given. */

/**
 * `plan` finds out what a change would do, and changes nothing. `reveal` sees external ids; without it they are fingerprints. No scope implies
 * another.
 */
export const scopes = ["read", "plan", "write", "destroy", "approve", "reveal", "admin"] as const;
export type Scope = (typeof scopes)[number];

export interface Caller {
  /** A stable name for the log, the audit and idempotency keys; never a token. */
  subject: string;
  /** Names of tenants, or `*` for every tenant there is and will be. */
  tenants: "*" | string[];
  /** One scope never implies another. */
  scopes: readonly Scope[];
}

/** The tenants that a caller may see: all, or these names. */
export type VisibleTenants = "*" | readonly string[];

/** The same text for the same tenants, however they are ordered or repeated. */
export const tenantsText = (tenants: VisibleTenants): string => (tenants === "*" ? "*" : [...new Set(tenants)].sort().join());

/** Whether the caller was given this tenant. Where it wasn't, the tenant must look absent (the same 404). */
export function holdsTenant(caller: Caller, tenant: string): boolean {
  return caller.tenants === "*" || caller.tenants.includes(tenant);
}

/** Whether the caller was given all of these tenants. */
export function holdsTenants({ tenants: held }: { tenants: VisibleTenants }, tenants: VisibleTenants): boolean {
  return held === "*" || (tenants !== "*" && tenants.every((tenant) => held.includes(tenant)));
}

/** Whether the caller was given this scope. */
export function holdsScope(caller: Caller, scope: Scope): boolean {
  return caller.scopes.includes(scope);
}

/** The subject of the administrator's token. */
export const adminSubject = "admin";

/** As whom the service does what nobody asks for. */
export const automaticSubjects: readonly string[] = ["drawbridge", "drift-remediation", "drift-sweep", "source-poll", "webhook"];

/** Who wrote a record from before authors were noted. */
export const legacyAuthor = "legacy";

/** Subjects that no key may take. */
export const reservedSubjects: readonly string[] = [adminSubject, legacyAuthor, ...automaticSubjects];
