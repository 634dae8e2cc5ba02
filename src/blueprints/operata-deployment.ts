/** The guide's "Administrator Deployment Policy", corrected: for people who set up by hand what isn't a role. */
import type { PolicyDocument, Statement } from "../iam/words/policy-document.ts";

export interface Deployment {
  partition: string;
  region: string;
  accountId: string;
  instanceName: string;
  groupId: string;
  ctrStreamArn: string;
  roleArns: string[];
}

const allow = (Sid: string, Action: string[], Resource: string | string[]): Statement => ({ Sid, Effect: "Allow", Action, Resource });

/**
 * The guide's eight statements with its mistakes repaired: real API destination ARNs, this account, region and group in place of
 * wildcards, the deletions that a teardown needs. Roles are only read and passed, to their two services alone; what AWS never
 * applies to a named resource stands in a statement of its own.
 */
export function deploymentPolicy({
  partition,
  region,
  accountId,
  instanceName,
  groupId,
  ctrStreamArn,
  roleArns,
}: Deployment): PolicyDocument {
  const own = (service: string, resource: string): string => `arn:${partition}:${service}:${region}:${accountId}:${resource}`;
  const only = (statement: Statement, key: string, values: string | string[]): Statement => ({
    ...statement,
    Condition: { StringEquals: { [key]: values } },
  });
  const destinations = "apidestinations.events.amazonaws.com";
  const serviceRole = `arn:${partition}:iam::${accountId}:role/aws-service-role/${destinations}/AWSServiceRoleForAmazonEventBridgeApiDestinations`;
  return {
    Version: "2012-10-17",
    Statement: [
      allow(
        "IAMRoleAndPolicyManagement",
        ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
        roleArns,
      ),
      only(allow("PassRoleToServices", ["iam:PassRole"], roleArns), "iam:PassedToService", ["lambda.amazonaws.com", "pipes.amazonaws.com"]),
      // The first connection of an account makes it (EventBridge user guide, "Service-linked roles for API destinations").
      only(allow("ServiceLinkedRole", ["iam:CreateServiceLinkedRole"], serviceRole), "iam:AWSServiceName", destinations),
      allow(
        "SecretsManagerManagement",
        ["CreateSecret", "PutSecretValue", "GetSecretValue", "DescribeSecret", "TagResource", "DeleteSecret"].map(
          (action) => `secretsmanager:${action}`,
        ),
        own("secretsmanager", `secret:cloud-collector-v3/ctr/${groupId}/apiToken-*`),
      ),
      allow(
        "EventBridgeManagement",
        [
          ...["CreateConnection", "UpdateConnection", "DescribeConnection", "DeleteConnection"],
          ...["CreateApiDestination", "UpdateApiDestination", "DescribeApiDestination", "DeleteApiDestination", "TagResource"],
        ].map((action) => `events:${action}`),
        [own("events", `connection/operataAPIgroup-${groupId}/*`), own("events", `api-destination/operataEndpointGroup-${groupId}/*`)],
      ),
      allow(
        "EventBridgePipeManagement",
        ["CreatePipe", "UpdatePipe", "StartPipe", "StopPipe", "DescribePipe", "DeletePipe", "TagResource"].map(
          (action) => `pipes:${action}`,
        ),
        own("pipes", `pipe/operataEventsPipe-${instanceName}-amazonConnect`),
      ),
      allow(
        "LambdaFunctionManagement",
        [
          ...["CreateFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration", "GetFunction", "GetFunctionConfiguration"],
          ...["AddPermission", "RemovePermission", "TagResource", "ListVersionsByFunction", "DeleteFunction"],
        ].map((action) => `lambda:${action}`),
        own("lambda", "function:CloudCollectorV3Stack-cloudcollectorv3redactor*"),
      ),
      allow(
        "LambdaS3CodeAccess",
        ["s3:GetObject", "s3:GetObjectVersion"],
        `arn:${partition}:s3:::*-operata-shared-assets-prod/redactor-*.zip`,
      ),
      allow("KinesisReadAccess", ["kinesis:DescribeStream"], ctrStreamArn),
      allow("CloudFormationAccess", ["cloudformation:DescribeStacks", "cloudformation:ListStacks"], "*"),
      allow("ListAccess", ["events:ListConnections", "events:ListApiDestinations", "pipes:ListPipes", "kinesis:ListStreams"], "*"),
    ],
  };
}
