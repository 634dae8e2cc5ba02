/**
 * What a bucket's own settings forbid, whatever its policies allow (S3 user guide, "Blocking public access to your Amazon S3 storage"
 * and "Controlling ownership of objects and disabling ACLs"). Each counts as a Deny.
 */
import type { AccessDocuments } from "../words/access-request.ts";
import { listOf, type PolicyDocument, type Statement } from "../words/policy-document.ts";
import type { RequestContext } from "./request-context.ts";
import type { Asked, Finding } from "./statement-match.ts";
import { some, type Truth } from "./truth.ts";

const publicAcls = ["public-read", "public-read-write", "authenticated-read"];
const aclActions = new Set(["s3:putobject", "s3:putobjectacl", "s3:putobjectversionacl", "s3:putbucketacl"]);

/** The settings that stand against a request, in the form of denying statements. */
export function settingDenials({ request, principal, context }: Asked, foreign: boolean, documents: AccessDocuments): Finding[] {
  const found: Finding[] = [];
  const deny = (document: string, reason: string, truth: Truth): void => {
    if (truth !== "no") found.push({ document, index: 0, effect: "Deny", reason, certain: truth === "yes", grade: "direct" });
  };
  const block = documents.publicAccessBlock;
  if (block?.restrictPublicBuckets === true && foreign && principal.kind !== "service" && documents.bucketPolicy !== undefined) {
    const isPublic = isPublicPolicy(documents.bucketPolicy.document);
    deny("the bucket's RestrictPublicBuckets setting", "the bucket's policy is public, which shuts other accounts out", isPublic);
  }
  if (!aclActions.has(request.action.toLowerCase())) return found;
  if (block?.blockPublicAcls === true)
    deny("the bucket's BlockPublicAcls setting", "the request sets a public ACL", setsPublicAcl(context));
  if (documents.ownership === "BucketOwnerEnforced") {
    deny("the bucket's ownership setting BucketOwnerEnforced", "ACLs are switched off and the request sets one", setsOtherAcl(context));
  }
  return found;
}

const grantKeys = ["full-control", "read", "read-acp", "write", "write-acp"].map((name) => `s3:x-amz-grant-${name}`);

function setsPublicAcl(context: RequestContext): Truth {
  const canned = keyHas(context, "s3:x-amz-acl", (value) => publicAcls.includes(value));
  if (canned !== "no") return canned;
  return some(grantKeys, (key) => keyHas(context, key, (value) => /\/groups\/global\/(AllUsers|AuthenticatedUsers)/.test(value)));
}

/** With ACLs switched off, only the ACL that gives the bucket's owner everything passes. */
function setsOtherAcl(context: RequestContext): Truth {
  const canned = keyHas(context, "s3:x-amz-acl", (value) => value !== "bucket-owner-full-control");
  if (canned !== "no") return canned;
  return some(grantKeys, (key) => keyHas(context, key, () => true));
}

function keyHas(context: RequestContext, key: string, test: (value: string) => boolean): Truth {
  const values = context.find(key);
  if (values === "unknown") return "unknown";
  return values !== "absent" && values.some(test) ? "yes" : "no";
}

/** Keys whose fixed values make a statement with an open principal not public (S3 user guide, "The meaning of public"). */
const narrowingKeys = new Set([
  "aws:sourceip",
  "aws:sourcearn",
  "aws:sourcevpc",
  "aws:sourcevpce",
  "aws:sourceaccount",
  "aws:sourceowner",
  "aws:sourceorgid",
  "aws:principalorgid",
  "aws:principalorgpaths",
  "aws:principalaccount",
  "aws:principalarn",
  "aws:userid",
  "s3:dataaccesspointaccount",
  "s3:dataaccesspointarn",
  "s3:x-amz-server-side-encryption-aws-kms-key-id",
]);
const narrowingOperators = new Set(["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"]);

/** Whether a bucket's policy is public by S3's definition; unknown where a wildcard in a narrowing value decides. */
export function isPublicPolicy(document: PolicyDocument): Truth {
  return some(document.Statement, (statement) => (statement.Effect === "Allow" ? isPublicStatement(statement) : "no"));
}

function isPublicStatement(statement: Statement): Truth {
  const { Principal, NotPrincipal } = statement;
  const open =
    NotPrincipal !== undefined ||
    Principal === "*" ||
    Object.values(Principal ?? {}).some((values) => listOf(values as string | string[]).includes("*"));
  if (!open) return "no";
  let doubtful = false;
  for (const [operator, keys] of Object.entries(statement.Condition ?? {})) {
    for (const [key, values] of Object.entries(keys)) {
      if (!narrowingKeys.has(key.toLowerCase()) || !narrowingOperators.has(operator)) continue;
      const texts = listOf(values).map(String);
      if (texts.length > 0 && texts.every((text) => !/[*?]|\$\{/.test(text) && !text.endsWith("/0"))) return "no";
      doubtful = true;
    }
  }
  return doubtful ? "unknown" : "yes";
}
