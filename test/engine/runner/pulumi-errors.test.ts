/** Samples marked "captured" are from CLI 3.258.0. The others have the plugin's documented form (terraform-provider-aws 6.x). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { awsCause, classifyFailure } from "../../../src/engine/runner/pulumi-errors.ts";
import type { ProblemCode } from "../../../src/problem.ts";

const failed = (...diagnostics: string[]) =>
  classifyFailure({ diagnostics, cli: "code: -2\n stderr: Command failed with exit code 1", summary: true });
const cliOnly = (cli: string) => classifyFailure({ diagnostics: [], cli, summary: false });

/** The plugin's report of a failed call: it comes twice, the second time with bullet and count. */
function plugin(what: string, operation: string, status: number, error: string): string {
  return `1 error occurred:\n\t* ${what}: operation error ${operation}, https response error StatusCode: ${status}, RequestID: 3f2c, ${error}\n\n`;
}

const samples: [sentence: string, code: ProblemCode, cause: string | undefined, text: string][] = [
  [
    "a denied call",
    "aws_denied",
    "IAM CreateRole AccessDenied",
    plugin(
      "creating IAM Role (Made)",
      "IAM: CreateRole",
      403,
      "api error AccessDenied: User: arn:aws:sts::222222222222:assumed-role/P/op is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::222222222222:role/Made",
    ),
  ],
  [
    "a denied KMS call",
    "aws_denied",
    "KMS CreateKey AccessDeniedException",
    plugin("creating KMS Key", "KMS: CreateKey", 400, "api error AccessDeniedException: not authorized"),
  ],
  [
    "a throttled call",
    "aws_throttled",
    "IAM GetRole Throttling",
    plugin("reading IAM Role (Made)", "IAM: GetRole", 400, "api error Throttling: Rate exceeded"),
  ],
  [
    "a slowed bucket call",
    "aws_throttled",
    "S3 PutBucketPolicy SlowDown",
    plugin("putting S3 Bucket (b) Policy", "S3: PutBucketPolicy", 503, "api error SlowDown: Please reduce your request rate."),
  ],
  [
    "a role name that is taken",
    "role_name_taken",
    "IAM CreateRole EntityAlreadyExists",
    plugin("creating IAM Role (Made)", "IAM: CreateRole", 409, "EntityAlreadyExists: Role with name Made already exists."),
  ],
  [
    "a principal that doesn't exist",
    "aws_rejected",
    "IAM CreateRole MalformedPolicyDocument",
    plugin(
      "creating IAM Role (Made)",
      "IAM: CreateRole",
      400,
      'MalformedPolicyDocument: Invalid principal in policy: "AWS":"arn:aws:iam::765656841499:role/X"',
    ),
  ],
  [
    "a malformed bucket policy",
    "aws_rejected",
    "S3 PutBucketPolicy MalformedPolicy",
    plugin("putting S3 Bucket (b) Policy", "S3: PutBucketPolicy", 400, "api error MalformedPolicy: Policy has invalid resource"),
  ],
  [
    "a role with something attached",
    "aws_rejected",
    "IAM DeleteRole DeleteConflict",
    plugin("deleting IAM Role (Made)", "IAM: DeleteRole", 409, "DeleteConflict: Cannot delete entity, must detach all policies first."),
  ],
  [
    "a quota",
    "aws_rejected",
    "IAM CreateRole LimitExceeded",
    plugin("creating IAM Role (Made)", "IAM: CreateRole", 409, "LimitExceeded: Cannot exceed quota for RolesPerAccount: 1000"),
  ],
  [
    "a role that is gone",
    "aws_rejected",
    "IAM PutRolePolicy NoSuchEntity",
    plugin("putting IAM Role (Made) Policy (read)", "IAM: PutRolePolicy", 404, "NoSuchEntity: The role with name Made cannot be found."),
  ],
  [
    "any other refusal",
    "aws_rejected",
    "IAM TagRole InvalidInput",
    plugin("tagging IAM Role (Made)", "IAM: TagRole", 400, "api error InvalidInput: Duplicate tag keys"),
  ],
  ["another account's credentials", "account_mismatch", undefined, "AWS account ID not allowed: 333333333333"],
  [
    "credentials that AWS doesn't know",
    "account_unreachable",
    "STS GetCallerIdentity InvalidClientTokenId",
    plugin(
      "Retrieving AWS account details: validating provider credentials: retrieving caller identity from STS",
      "STS: GetCallerIdentity",
      403,
      "api error InvalidClientTokenId: The security token included in the request is invalid.",
    ),
  ],
  [
    "expired credentials",
    "account_unreachable",
    "IAM GetRole ExpiredToken",
    plugin("reading IAM Role (Made)", "IAM: GetRole", 403, "api error ExpiredToken: expired"),
  ],
  [
    "a protected role's replacement",
    "role_replacement_refused",
    undefined,
    'unable to replace resource "urn:pulumi:role.c1-4d8a608b::drawbridge::aws:iam/role:Role::role"\nas it is currently marked for protection. To unprotect the resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`',
  ],
  [
    "a missing plugin (captured)",
    "plugin_refused",
    undefined,
    "no resource plugin 'pulumi-resource-aws' found in the workspace at version v7.48.0\n",
  ],
  [
    "a program that throws (captured)",
    "update_failed",
    "program",
    "Unhandled exception: Error: thrown\n    at Object.program [as init] (file:///app/programs/role.js:38:81)\n",
  ],
  ["anything else", "update_failed", undefined, "something new"],
];

for (const [sentence, code, cause, text] of samples)
  test(`${sentence} is ${code}`, () => {
    const problem = failed(text, "update failed\n");
    assert.equal(problem.code, code);
    assert.equal(problem.cause, cause);
  });

test("a lock is stack_locked (captured)", () => {
  const text =
    "code: -2\n stdout: \n stderr: Command failed with exit code 1: /opt/pulumi/bin/pulumi up --yes\nerror: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n  s3://state/tenants/acme/.pulumi/locks/organization/drawbridge/role.c1-4d8a608b/aaa.json?region=us-east-1: created by u@h (pid 1) at 2026-11-22T02:11:19Z";
  assert.equal(cliOnly(text).code, "stack_locked");
});

test("a missing state bucket is not_ready, even if AWS's code means something else elsewhere (captured)", () => {
  const text =
    "error: error listing stacks: could not list bucket: blob (code=NotFound): operation error S3: ListObjectsV2, https response error StatusCode: 404, RequestID: 8598d7a8, HostID: kAn8, NoSuchBucket: The specified bucket does not exist";
  const problem = cliOnly(text);
  assert.equal(problem.code, "not_ready");
  assert.match(problem.cause ?? "", /^S3 ListObjectsV2/);
});

test("a wrong passphrase is not_ready (captured)", () => {
  assert.equal(cliOnly("error: getting stack configuration: get stack secrets manager: incorrect passphrase").code, "not_ready");
});

test("an unusable key for secrets in state is not_ready, and never a fault of the tenant (captured)", () => {
  const key = (operation: string, status: number, error: string) =>
    cliOnly(
      `code: -2\n stdout: \n stderr: Command failed with exit code 1: pulumi up --yes\nerror: getting stack configuration: get stack secrets manager: secrets (code=Unknown): operation error KMS: ${operation}, https response error StatusCode: ${status}, RequestID: be88, ${error}`,
    );
  const denied = key(
    "Encrypt",
    403,
    "api error AccessDeniedException: User: arn:aws:sts::111111111111:assumed-role/DrawbridgeState/b4 is not authorized",
  );
  assert.deepEqual([denied.code, denied.cause], ["not_ready", "KMS Encrypt AccessDeniedException"]);
  const disabled = key("Decrypt", 400, "DisabledException: arn:aws:kms:us-east-1:111111111111:key/224c is disabled.");
  assert.deepEqual([disabled.code, disabled.cause], ["not_ready", "KMS Decrypt DisabledException"]);
  assert.match(disabled.detail, /state role/);
  assert.equal(key("Decrypt", 400, "ThrottlingException: Rate exceeded").code, "aws_throttled");
});

test("a killed CLI is operation_interrupted (captured)", () => {
  const text =
    "code: -2\n stderr: Command was killed with SIGKILL (Forced termination): /opt/pulumi/bin/pulumi up\nUpdating (role.c6-31079d8e):\n";
  assert.equal(cliOnly(text).code, "operation_interrupted");
});

test("an end without a summary is update_unknown", () => {
  assert.equal(cliOnly("").code, "update_unknown");
});

test("no sentence and no cause quotes the text", () => {
  const secret = "external-id-7c21";
  const texts = samples.map(([, , , text]) => text.replaceAll(/Made|arn:aws:[^ "]+/g, secret));
  for (const text of texts) {
    const problem = failed(text);
    assert.ok(!`${problem.detail}${problem.cause}`.includes(secret), text);
  }
});

test("a cause names only service, operation and AWS's code", () => {
  assert.equal(awsCause("nothing of AWS"), undefined);
  assert.equal(awsCause(plugin("x", "IAM: CreateRole", 403, "api error AccessDenied: User: secret")), "IAM CreateRole AccessDenied");
});

test("a disk that ran full during an update has its own code", () => {
  assert.equal(failed("write /tmp/x: no space left on device").code, "storage_full");
  assert.equal(cliOnly("error: could not write plugin: Disk quota exceeded").code, "storage_full");
});

test("a call without an answer from AWS can be retried later", () => {
  for (const words of [
    'deleting IAM Role (x): operation error IAM: DeleteRole, https response error StatusCode: 0, RequestID: , request send failed, Post "https://iam.amazonaws.com/": EOF',
    "read tcp 10.0.0.1:4321->10.0.0.2:443: read: connection reset by peer",
    "dial tcp: lookup iam.amazonaws.com: i/o timeout",
    "Error: read ECONNRESET",
  ])
    assert.equal(failed(words).code, "aws_throttled", words);
  assert.equal(
    failed("rpc error: code = Unavailable desc = error reading from server: EOF").code,
    "operation_interrupted",
    "the plugin died",
  );
});
