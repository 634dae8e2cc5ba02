/** POST …/explain: why somebody may or may not do something, judged on the live documents. */
import { readBucket, readKey, readRole } from "../accounts/live-documents.ts";
import { evaluate } from "../iam/evaluate/evaluate.ts";
import { explain } from "../iam/evaluate/explain.ts";
import type { AccessRequest, Decision } from "../iam/words/access-request.ts";
import { parseArn } from "../iam/words/arn.ts";
import { parsePrincipal } from "../iam/words/principal.ts";
import { ProblemError } from "../problem.ts";
import { type Account, enterAccount } from "./account.ts";
import type { Context } from "./context.ts";
import { requireTenant } from "./lookup.ts";

export interface Explanation {
  decision: Decision["decision"];
  sentences: string[];
  deciding: { document: string; sid?: string; effect: "Allow" | "Deny"; reason: string }[];
}

/**
 * Decides an access request on what the tenant's account holds now. The documents of another account can't be read. We assume that its side
 * allows the request, and the sentences say so.
 *
 * @throws ProblemError not_found, invalid_request, account_unreachable, aws_denied, aws_throttled, aws_rejected
 */
export async function explainAccess(context: Context, tenantName: string, request: AccessRequest): Promise<Explanation> {
  const tenant = await requireTenant(context, tenantName);
  const account = await enterAccount(context, tenant, `explain-${Date.now()}`);
  const [principal, resource] = await Promise.all([principalSide(account, request.principal), resourceSide(account, request)]);
  const decision = evaluate(request, { ...principal, ...resource });
  const assumed =
    "assumeCallerAllows" in principal ? ["The principal belongs to another account; its own policies are taken to allow this."] : [];
  const deciding = decision.deciding.map(({ document, sid, effect, reason }) => ({
    document,
    ...(sid !== undefined && { sid }),
    effect,
    reason,
  }));
  return { decision: decision.decision, sentences: [...explain(request, decision), ...assumed], deciding };
}

async function principalSide({ clients, tenant }: Account, text: string) {
  const principal = parsePrincipal(text);
  if (!principal)
    throw new ProblemError("invalid_request", "The principal is neither an ARN of IAM or STS nor a service.", { pointer: "/principal" });
  const name = principal.kind === "role" ? principal.name : principal.kind === "session" ? principal.roleName : undefined;
  if (!("accountId" in principal) || principal.accountId !== tenant.accountId || name === undefined) return { assumeCallerAllows: true };
  const role = await readRole(clients.iam, name);
  if (!role) throw new ProblemError("not_found", `The account has no role ${name}.`);
  return { identity: [...role.inline, ...role.attached], ...(role.boundary && { boundary: role.boundary }) };
}

async function resourceSide({ clients, tenant }: Account, { resource }: AccessRequest) {
  const arn = parseArn(resource);
  if (arn?.service === "iam" && arn.resource.startsWith("role/")) {
    const role = await readRole(clients.iam, arn.resource.split("/").at(-1) ?? "");
    return role ? { trust: { name: `trust of ${role.name}`, document: role.trust }, resourceAccount: role.accountId } : {};
  }
  if (arn?.service === "s3") {
    const bucket = await readBucket(clients.s3, arn.resource.split("/")[0] ?? "", tenant.accountId, tenant.region);
    return bucket
      ? {
          ...(bucket.policy && { bucketPolicy: { name: `policy of bucket ${bucket.name}`, document: bucket.policy } }),
          ...(bucket.publicAccessBlock && { publicAccessBlock: bucket.publicAccessBlock }),
          ...(bucket.ownership && { ownership: bucket.ownership }),
          resourceAccount: bucket.accountId,
        }
      : {};
  }
  if (arn?.service === "kms") {
    const key = await readKey(clients.kms, resource);
    return key
      ? { keyPolicy: { name: `policy of key ${key.arn}`, document: key.policy }, grants: key.grants, resourceAccount: key.accountId }
      : {};
  }
  return { resourceAccount: tenant.accountId };
}
