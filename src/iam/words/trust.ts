/** The trust policies that Drawbridge writes: closed, or open to exactly named parties. */
import type { TrustedParty } from "../contract/contract.ts";
import { type PolicyDocument, type Statement, sameDocument } from "./policy-document.ts";
import { parsePrincipal } from "./principal.ts";

/**
 * A trust through which nobody can assume the role: while an id is awaited, after a revocation, in containment. A Deny and not an
 * empty list, because a trust policy needs a statement.
 */
export function closedTrust(): PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [{ Sid: "DrawbridgeClosed", Effect: "Deny", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
  };
}

/** The inline policy that ends a role's sessions; known to drift and proof by this name. */
export const revokedSessionsPolicy = "DrawbridgeRevokeOlderSessions";

/** Denies everything to sessions that began before a moment (RFC 3339). */
export function sessionsRevoked(before: string): PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: revokedSessionsPolicy,
        Effect: "Deny",
        Action: "*",
        Resource: "*",
        Condition: { DateLessThan: { "aws:TokenIssueTime": before } },
      },
    ],
  };
}

/** Whether a trust is the closed one, whatever its form. */
export function isClosedTrust(document: PolicyDocument): boolean {
  return sameDocument(document, closedTrust());
}

/**
 * The trust that lets exactly these parties in: one statement each. Ids stand under `StringEquals`, never `StringLike` (IAM user
 * guide, "Access to AWS accounts owned by third parties"), services under the confused-deputy conditions that the party has. One
 * value is written as a text and several as a list, as AWS's own examples do.
 */
export function vendorTrust(parties: readonly TrustedParty[]): PolicyDocument {
  if (parties.length === 0) return closedTrust();
  return {
    Version: "2012-10-17",
    Statement: parties.map((party, index) => partyStatement(party, parties.length === 1 ? "" : `${index + 1}`)),
  };
}

function partyStatement(party: TrustedParty, suffix: string): Statement {
  const isService = parsePrincipal(party.principal)?.kind === "service";
  const [only, ...more] = party.externalIds;
  const equals = {
    ...(only !== undefined && { "sts:ExternalId": more.length === 0 ? only : [...party.externalIds] }),
    ...(party.sourceAccount !== undefined && { "aws:SourceAccount": party.sourceAccount }),
    ...(party.sourceArn !== undefined && { "aws:SourceArn": party.sourceArn }),
  };
  return {
    Sid: `DrawbridgeTrust${suffix}`,
    Effect: "Allow",
    Principal: isService ? { Service: party.principal } : { AWS: party.principal },
    Action: "sts:AssumeRole",
    ...(Object.keys(equals).length > 0 && { Condition: { StringEquals: equals } }),
  };
}
