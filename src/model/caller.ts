/** Who asks, and what they were given. */

/**
 * `plan` finds out what a change would do, and changes nothing. `reveal` sees external ids; without it they are fingerprints. No scope implies
 * another.
 */
export const scopes = ["read", "plan", "write", "destroy", "approve", "reveal", "admin"] as const;
export type Scope = (typeof scopes)[number];

/**
 * What a caller proved to hold. When something acts for a caller later, the rights behind the credential are looked up again: a key with its
 * rotations, by the id of its first one, or a token's issuer with the claims that its rules look at.
 */
export type Credential =
  | { kind: "admin" }
  | { kind: "key"; id: string }
  | { kind: "issuer"; issuer: string; claims: Record<string, string> };

/** What somebody may do. */
export type Rights = Pick<Caller, "tenants" | "scopes">;

/** Somebody who wrote a part of a desired state. */
export interface Writer {
  /** A caller's subject */
  subject: string;
  /** Unknown for the service itself, and for records of earlier releases */
  credential?: Credential;
}

export interface Caller {
  /** A stable name for the log, the audit and idempotency keys; never a token. */
  subject: string;
  /** Names of tenants, or `*` for every tenant there is and will be. */
  tenants: "*" | string[];
  /** One scope never implies another. */
  scopes: readonly Scope[];
  credential: Credential;
}

/** The tenants that a caller may see: all, or these names. */
export type VisibleTenants = "*" | readonly string[];

/** The same text for the same tenants, however they are ordered or repeated. */
export const tenantsText = (tenants: VisibleTenants): string => (tenants === "*" ? "*" : [...new Set(tenants)].sort().join());

/** Whether the caller was given this tenant. Where it wasn't, the tenant must look absent (the same 404). */
export function holdsTenant(caller: Pick<Caller, "tenants">, tenant: string): boolean {
  return caller.tenants === "*" || caller.tenants.includes(tenant);
}

/** Whether the caller was given all of these tenants. */
export function holdsTenants({ tenants: held }: { tenants: VisibleTenants }, tenants: VisibleTenants): boolean {
  return held === "*" || (tenants !== "*" && tenants.every((tenant) => held.includes(tenant)));
}

/** Whether the caller was given this scope. */
export function holdsScope(caller: Pick<Caller, "scopes">, scope: Scope): boolean {
  return caller.scopes.includes(scope);
}

/** What both may do. */
export function commonRights(one: Rights, other: Rights): Rights {
  const tenants = one.tenants === "*" ? other.tenants : one.tenants.filter((tenant) => holdsTenant(other, tenant));
  return { tenants, scopes: one.scopes.filter((scope) => holdsScope(other, scope)) };
}

/** The subject of the administrator's token. */
export const adminSubject = "admin";

/** As whom the service does what nobody asks for. */
export const automaticSubjects: readonly string[] = ["drawbridge", "drift-remediation", "drift-sweep", "source-poll", "webhook"];

/** Who wrote a record from before authors were noted. */
export const legacyAuthor = "legacy";

/** Subjects that no key may take. */
export const reservedSubjects: readonly string[] = [adminSubject, legacyAuthor, ...automaticSubjects];
