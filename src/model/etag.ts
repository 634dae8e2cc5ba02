/** Entity tags (RFC 9110, section 8.8.3) over what a client can change, without their quotes. Pure. */
import { hash } from "node:crypto";
import { externalIdHash } from "../iam/words/external-id.ts";
import { canonicalJson } from "../iam/words/policy-document.ts";
import { ProblemError } from "../problem.ts";
import type { IntegrationRecord } from "./integration.ts";
import type { TenantRecord } from "./tenant.ts";

const tagOf = (value: unknown): string => hash("sha256", canonicalJson(value)).slice(0, 32);

export function integrationEtag(
  record: Pick<IntegrationRecord, "blueprint" | "version" | "parameters" | "settings" | "externalIds">,
): string {
  const { blueprint, version, parameters, settings, externalIds } = record;
  return tagOf({ blueprint, version, parameters, settings, externalIds: externalIds.map((entry) => externalIdHash(entry.id)) });
}

export function tenantEtag(record: Pick<TenantRecord, "accountId" | "region" | "access" | "permissionsBoundaryArn" | "tags">): string {
  const { accountId, region, access, permissionsBoundaryArn, tags } = record;
  return tagOf({ accountId, region, access, permissionsBoundaryArn: permissionsBoundaryArn ?? null, tags });
}

/**
 * The rules of If-Match: a change of what exists needs it, a stale one is refused wherever it is given.
 *
 * @throws ProblemError precondition_required, precondition_failed
 */
export function checkPrecondition(current: string | undefined, ifMatch: string | undefined, changes: boolean): void {
  if (ifMatch !== undefined && ifMatch !== "*" && ifMatch !== current) {
    throw new ProblemError(
      "precondition_failed",
      "The resource isn't what If-Match says. GET it, look at what changed, and send its new ETag.",
    );
  }
  if (ifMatch === "*" && current === undefined)
    throw new ProblemError("precondition_failed", "If-Match: * asks for a resource that exists, and there is none.");
  if (ifMatch === undefined && current !== undefined && changes) {
    throw new ProblemError(
      "precondition_required",
      "Changing what exists needs If-Match with its current ETag, so that no other change is lost. GET it first.",
    );
  }
}
