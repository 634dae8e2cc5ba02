/** The hand-written rows against documents, without the contract: the evaluator alone decides. */

import { evaluate } from "../../src/iam/evaluate/evaluate.ts";
import type { AccessDocuments, AccessRequest } from "../../src/iam/words/access-request.ts";
import { bucketOfArn } from "../../src/iam/words/bucket-name.ts";
import type { LiveDocuments, LiveRole } from "../../src/iam/words/live.ts";
import type { AccessRow } from "./fixture.ts";

/** Whether the documents allow what the row tries; `undetermined` counts for neither answer. */
export function decisionOf(row: Omit<AccessRow, "why" | "expect">, live: LiveDocuments): "allow" | "deny" | "undetermined" {
  const externalId = row.externalId === undefined ? {} : { "sts:ExternalId": row.externalId };
  const { principal, action, resource } = row;
  const request: AccessRequest = { principal, action, resource, context: { ...externalId, ...row.context } };
  const { decision } = evaluate(request, documentsFor(row, live));
  if (decision === "undetermined") return "undetermined";
  return decision === "allowed" ? "allow" : "deny";
}

function documentsFor({ principal, action, resource }: Omit<AccessRow, "why" | "expect">, live: LiveDocuments): AccessDocuments {
  const asked = live.roles.find(({ arn }) => arn === resource);
  if (action === "sts:AssumeRole" && asked !== undefined) {
    return { trust: { name: "trust", document: asked.trust }, assumeCallerAllows: true };
  }
  const role = live.roles.find(({ name, accountId }) => principal.startsWith(`arn:aws:sts::${accountId}:assumed-role/${name}/`));
  return { ...(role === undefined ? { assumeCallerAllows: true } : own(role)), ...resourceDocuments(resource, live) };
}

const own = (role: LiveRole): AccessDocuments => ({ identity: [...role.inline, ...role.attached] });

function resourceDocuments(resource: string, live: LiveDocuments): AccessDocuments {
  const bucket = live.buckets.find(({ name }) => name === bucketOfArn(resource));
  if (bucket !== undefined) {
    return { resourceAccount: bucket.accountId, ...(bucket.policy && { bucketPolicy: { name: "bucket", document: bucket.policy } }) };
  }
  const key = live.keys.find(({ arn }) => arn === resource);
  if (key === undefined) return { assumeResourceAllows: true };
  return { resourceAccount: key.accountId, keyPolicy: { name: "key", document: key.policy }, grants: key.grants };
}
