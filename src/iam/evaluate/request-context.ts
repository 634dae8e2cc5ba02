/**
 * What is known of a request's condition keys. A key that the caller itself sends (an external id, a prefix) is absent when the
 * request doesn't give it; a key that AWS or the network adds (source address, organisation, tags) is then unknown. `[]` says
 * that a key is surely absent. Source: IAM user guide, "AWS global condition context keys"; service authorization reference.
 */
import type { AccessRequest } from "../words/access-request.ts";
import { type Principal, parsePrincipal } from "../words/principal.ts";

export interface RequestContext {
  /** The values of a key, whatever its case; `absent` when the request surely has none; `unknown` when nobody can say. */
  find(key: string): readonly string[] | "absent" | "unknown";
}

const sentByCaller = new Set([
  "sts:externalid",
  "sts:sourceidentity",
  "sts:transitivetagkeys",
  "aws:sourcearn",
  "aws:sourceaccount",
  "aws:tagkeys",
  "aws:calledvia",
  "aws:calledviafirst",
  "aws:calledvialast",
  "kms:viaservice",
  "kms:encryptioncontextkeys",
  "kms:grantispersistent",
  "s3:prefix",
  "s3:delimiter",
  "s3:max-keys",
  "s3:versionid",
  "s3:requestobjecttagkeys",
]);
const sentByCallerPrefixes = ["s3:x-amz-", "s3:requestobjecttag/", "aws:requesttag/", "kms:encryptioncontext:"];

/** The context of a request: its own keys, those that follow from its principal, and the account of the resource. */
export function requestContext(
  request: AccessRequest,
  principal: Principal | undefined,
  resourceAccount: string | undefined,
): RequestContext {
  const known = new Map<string, readonly string[]>();
  for (const [key, values] of derivedKeys(request.principal, principal, resourceAccount)) known.set(key, values);
  for (const [key, values] of Object.entries(request.context)) known.set(key.toLowerCase(), Array.isArray(values) ? values : [values]);
  return {
    find(key) {
      const lower = key.toLowerCase();
      const values = known.get(lower);
      if (values !== undefined) return values.length === 0 ? "absent" : values;
      const callersOwn = sentByCaller.has(lower) || sentByCallerPrefixes.some((prefix) => lower.startsWith(prefix));
      return callersOwn ? "absent" : "unknown";
    },
  };
}

function derivedKeys(text: string, principal: Principal | undefined, resourceAccount: string | undefined): [string, readonly string[]][] {
  const ofResource: [string, readonly string[]][] =
    resourceAccount === undefined
      ? []
      : [
          ["aws:resourceaccount", [resourceAccount]],
          ["s3:resourceaccount", [resourceAccount]],
        ];
  const direct: [string, readonly string[]][] = [["aws:viaawsservice", ["false"]], ...ofResource];
  if (principal?.kind === "service") {
    return [...direct, ["aws:principalisawsservice", ["true"]], ["aws:principalservicename", [principal.service]], ["aws:username", []]];
  }
  if (principal === undefined || !("accountId" in principal)) return direct;
  return [
    ...direct,
    ["aws:principalisawsservice", ["false"]],
    ["aws:principalaccount", [principal.accountId]],
    ["kms:calleraccount", [principal.accountId]],
    ["aws:principalarn", [principalArn(text, principal)]],
    ["aws:principaltype", [principalTypes[principal.kind]]],
    ["aws:username", principal.kind === "user" ? [principal.name] : []],
  ];
}

const principalTypes = { account: "Account", user: "User", role: "AssumedRole", session: "AssumedRole" } as const;

/** Sessions count as their role here (IAM user guide, aws:PrincipalArn); the role's path is taken as `/`, unless the request says otherwise. */
function principalArn(text: string, principal: Principal & { accountId: string }): string {
  if (principal.kind !== "session") return text;
  return `arn:${principal.partition}:iam::${principal.accountId}:role/${principal.roleName}`;
}

/** The principal that a request names, undefined when it can't be judged: `*`, a unique id or unreadable text is nobody who asks. */
export function requestPrincipal(text: string): Principal | undefined {
  const principal = parsePrincipal(text);
  return principal?.kind === "anyone" || principal?.kind === "unique-id" ? undefined : principal;
}
