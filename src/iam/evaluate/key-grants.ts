/** KMS grants (KMS developer guide, "Grants in AWS KMS"). */
import type { AccessRequest } from "../words/access-request.ts";
import type { LiveGrant } from "../words/live.ts";
import { type Principal, parsePrincipal } from "../words/principal.ts";
import type { RequestContext } from "./request-context.ts";
import type { Truth } from "./truth.ts";

/** A grant's operations as actions: `Decrypt` is `kms:Decrypt`. */
export function grantedActions(grant: LiveGrant): string[] {
  return grant.operations.map((operation) => `kms:${operation}`);
}

/**
 * Whether a grant lets the principal do this. Its constraints compare the request's encryption context, case and all
 * (KMS API reference, GrantConstraints); grants never hold for a key that the request doesn't name.
 */
export function grantAllows(grant: LiveGrant, request: AccessRequest, principal: Principal, context: RequestContext): Truth {
  if (!grantedActions(grant).some((action) => action.toLowerCase() === request.action.toLowerCase())) return "no";
  if (!isGrantee(grant.granteePrincipal, principal)) return "no";
  return constraintsHold(grant, request, context);
}

function isGrantee(grantee: string, principal: Principal): boolean {
  const named = parsePrincipal(grantee);
  if (named === undefined) return false;
  if (named.kind === "service") return principal.kind === "service" && principal.service === named.service;
  if (!("accountId" in named) || !("accountId" in principal) || named.accountId !== principal.accountId) return false;
  if (named.kind === "account") return principal.kind === "account";
  if (named.kind === "user") return principal.kind === "user" && principal.name === named.name;
  if (named.kind === "session")
    return principal.kind === "session" && principal.roleName === named.roleName && principal.sessionName === named.sessionName;
  return (
    (principal.kind === "session" && principal.roleName === named.name) || (principal.kind === "role" && principal.name === named.name)
  );
}

/** Operations that take an encryption context; constraints say nothing of the others. */
const withEncryptionContext =
  /^kms:(Encrypt|Decrypt|GenerateDataKey|GenerateDataKeyWithoutPlaintext|GenerateDataKeyPair|GenerateDataKeyPairWithoutPlaintext|ReEncryptFrom|ReEncryptTo)$/i;

function constraintsHold(grant: LiveGrant, request: AccessRequest, context: RequestContext): Truth {
  const { encryptionContextEquals: equals, encryptionContextSubset: subset } = grant.constraints ?? {};
  if (equals === undefined && subset === undefined) return "yes";
  if (!withEncryptionContext.test(request.action)) return "yes";
  const given = encryptionContext(request);
  const holds = (wanted: Record<string, string>): boolean => Object.entries(wanted).every(([key, value]) => given.get(key) === value);
  if (context.find("kms:EncryptionContextKeys") === "unknown") return "unknown";
  if (subset !== undefined && !holds(subset)) return "no";
  if (equals !== undefined && !(holds(equals) && given.size === Object.keys(equals).length)) return "no";
  return "yes";
}

function encryptionContext(request: AccessRequest): Map<string, string> {
  const prefix = "kms:EncryptionContext:";
  const pairs = Object.entries(request.context).filter(([key]) => key.toLowerCase().startsWith(prefix.toLowerCase()));
  return new Map(pairs.map(([key, value]) => [key.slice(prefix.length), Array.isArray(value) ? (value[0] ?? "") : value]));
}
