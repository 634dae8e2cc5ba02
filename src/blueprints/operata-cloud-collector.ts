/**
 * Operata's Cloud Collector runs in the customer's own account: a pipe and a function, each with a role that only its AWS service
 * may assume. Source: Operata's guide "IAM Role & Policies" (docs/vendors/operata.md has the differences and why).
 */
import { z } from "zod";
import type { ContractGrant, RoleContract, TrustedParty } from "../iam/contract/contract.ts";
import { isExact } from "../iam/words/arn.ts";
import { BucketName, bucketArn } from "../iam/words/bucket-name.ts";
import { sidPrefix } from "../iam/words/sid.ts";
import { deploymentPolicy } from "./operata-deployment.ts";
import { type BlueprintContext, defineBlueprint } from "./parts/blueprint.ts";
import { grantsPolicy, roleArn, roleStack } from "./parts/role-stack.ts";

const exact = (pattern: RegExp, looks: string) =>
  z
    .string()
    .max(512)
    .refine((text) => pattern.test(text) && isExact(text), looks);
const tagValue = z.string().regex(/^[A-Za-z0-9 _.:/=+@-]{1,128}$/, "a tag's value has 1 to 128 letters, digits, spaces or _.:/=+@-");

const Parameters = z.strictObject({
  mode: z.literal("iam-only").describe("iam-only: the two roles with their policies. Function and pipe are set up by somebody else."),
  instanceName: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, "1 to 32 letters, digits, _ or -: the pipe's name holds it and has at most 64")
    .describe("The Amazon Connect instance's name, as in the pipe's name operataEventsPipe-{name}-amazonConnect."),
  groupId: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,35}$/, "1 to 36 letters, digits or -: the roles' names hold it")
    .describe("The Operata Group ID."),
  ctrStreamArn: exact(
    /^arn:aws[a-z-]*:kinesis:[a-z0-9-]+:[0-9]{12}:stream\/[A-Za-z0-9_.-]{1,128}$/,
    "a stream's ARN looks like arn:aws:kinesis:<region>:<account>:stream/<name>",
  ).describe("The Kinesis stream with the contact trace records."),
  apiDestinationArn: exact(
    /^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:api-destination\/[A-Za-z0-9_.-]{1,64}\/[0-9a-f-]{36}$/,
    "an API destination's ARN looks like arn:aws:events:<region>:<account>:api-destination/<name>/<id>",
  )
    .optional()
    .describe("The API destination; left out, every one with this group's name, because it is made after the role."),
  vpc: z.boolean().default(false).describe("The function runs in a VPC and manages its network interfaces."),
  agentDataBucket: BucketName.optional().describe("A bucket with agent data for the function to read."),
  environment: z.enum(["Dev", "Staging", "Prod"]).default("Prod").describe("The tag Environment."),
  createdBy: tagValue.default("Drawbridge").describe("The tag CreatedBy."),
});
type Parameters = z.infer<typeof Parameters>;
type Purpose = "pipe" | "lambda";

/** The guide's own prefixes, with the group: two groups may live in one account. */
const roleNames = ({ groupId }: Parameters): Record<Purpose, string> => ({
  pipe: `operataEventBridgePipeRole-${groupId}`,
  lambda: `CloudCollectorV3Stack-${groupId}`,
});
const policyName = (what: string, { groupId }: Parameters): string => `${what}-Operata-GroupId-${groupId}`;

/** `arn:<partition>:<service>:<region>:<account>:<resource>` in the context's account. */
const own = ({ partition, region, accountId }: BlueprintContext, service: string, resource: string): string =>
  `arn:${partition}:${service}:${region}:${accountId}:${resource}`;

function trusted(purpose: Purpose, { instanceName }: Parameters, context: BlueprintContext): TrustedParty {
  if (purpose === "pipe") {
    const sourceArn = own(context, "pipes", `pipe/operataEventsPipe-${instanceName}-amazonConnect`);
    return { principal: "pipes.amazonaws.com", externalIds: [], sourceArn, sourceAccount: context.accountId };
  }
  const exception =
    "Lambda sends no aws:SourceArn or aws:SourceAccount when it assumes a function's execution role (Lambda developer guide, execution role); who may pass the role decides.";
  return { principal: "lambda.amazonaws.com", externalIds: [], exception };
}

/** One policy of the guide: its name there, and what it gives. */
interface GuidePolicy {
  name: string;
  grants: ContractGrant[];
}

function pipePolicies(parameters: Parameters, context: BlueprintContext): GuidePolicy[] {
  const stream: ContractGrant = {
    id: "KinesisSource",
    actions: [
      "kinesis:DescribeStream",
      "kinesis:DescribeStreamSummary",
      "kinesis:GetRecords",
      "kinesis:GetShardIterator",
      "kinesis:ListShards",
      "kinesis:ListStreams",
    ],
    resources: [parameters.ctrStreamArn],
    // It works on no stream, so on this resource it gives nothing (service authorization reference, Amazon Kinesis Data Streams).
    ineffective: ["kinesis:ListStreams"],
    why: "reads contact trace records",
  };
  const redactor: ContractGrant = {
    id: "LambdaInvocation",
    actions: ["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"],
    resources: [own(context, "lambda", "function:CloudCollectorV3Stack-cloudcollectorv3redactor*")],
    why: "has the function redact and enrich them",
  };
  const destination: ContractGrant = {
    id: "ApiDestination",
    actions: ["events:InvokeApiDestination"],
    resources: [parameters.apiDestinationArn ?? own(context, "events", `api-destination/operataEndpointGroup-${parameters.groupId}/*`)],
    why: "sends them to Operata",
  };
  return [stream, redactor, destination].map((grant) => ({ name: policyName(grant.id, parameters), grants: [grant] }));
}

function lambdaPolicies(parameters: Parameters, context: BlueprintContext): GuidePolicy[] {
  const { groupId, vpc, agentDataBucket: bucket } = parameters;
  const secret = {
    actions: ["secretsmanager:GetSecretValue"],
    resources: [own(context, "secretsmanager", `secret:cloud-collector-v3/ctr/${groupId}/apiToken-*`)],
  };
  const network = [
    "ec2:AttachNetworkInterface",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
  ];
  const { partition } = context;
  return [
    {
      name: policyName("SecretsManagerAccess", parameters),
      grants: [{ id: "SecretsManagerAccess", ...secret, why: "gets the Operata API key" }],
    },
    ...(vpc
      ? [
          {
            name: policyName("EC2NetworkInterface", parameters),
            grants: [{ id: "EC2NetworkInterface", actions: network, resources: ["*"], why: "has its network interfaces in the VPC" }],
          },
        ]
      : []),
    ...(bucket
      ? [
          {
            name: policyName("AgentDataS3Access", parameters),
            grants: [
              { id: "ReadAgentData", actions: ["s3:GetObject"], resources: [bucketArn(partition, bucket, "*")], why: "reads agent data" },
              { id: "ListAgentData", actions: ["s3:ListBucket"], resources: [bucketArn(partition, bucket)], why: "finds agent data" },
            ],
          },
        ]
      : []),
  ];
}

/** What AWSLambdaBasicExecutionRole gives (AWS managed policy reference guide). */
const logging: ContractGrant = {
  id: "AWSLambdaBasicExecutionRole",
  actions: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
  resources: ["*"],
  why: "writes the function's log",
};
const loggingPolicyArn = ({ partition }: BlueprintContext): string =>
  `arn:${partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole`;

const policiesOf = { pipe: pipePolicies, lambda: lambdaPolicies } as const;

function role(purpose: Purpose, parameters: Parameters, context: BlueprintContext) {
  const { environment, groupId, createdBy } = parameters;
  return roleStack({
    context,
    purpose,
    name: roleNames(parameters)[purpose],
    description: purpose === "pipe" ? "Operata: the pipe from Amazon Connect" : "Operata: the redactor function",
    trusted: [trusted(purpose, parameters, context)],
    inlinePolicies: policiesOf[purpose](parameters, context).map(({ name, grants }) => ({ name, document: grantsPolicy(grants) })),
    managedPolicyArns: purpose === "lambda" ? [loggingPolicyArn(context)] : [],
    tags: { Environment: environment, ManagedBy: "Operata-CloudCollector", OperataGroupId: groupId, Version: "v3", CreatedBy: createdBy },
  });
}

function roleContract(purpose: Purpose, parameters: Parameters, context: BlueprintContext): RoleContract {
  const grants = policiesOf[purpose](parameters, context).flatMap((policy) => policy.grants);
  return {
    roleArn: roleArn(context, roleNames(parameters)[purpose]),
    trusted: [trusted(purpose, parameters, context)],
    grants: purpose === "lambda" ? [logging, ...grants] : grants,
    denied: [],
  };
}

export const operataCloudCollector = defineBlueprint<Parameters>({
  id: "operata-cloud-collector",
  vendor: "operata",
  version: "1.0.0",
  title: "Operata: Cloud Collector v3",
  source: { document: "IAM Role & Policies", date: "2026-11-01" },
  parameters: Parameters,
  immutable: ["groupId"],
  roleNames: ["operataEventBridgePipeRole-*", "CloudCollectorV3Stack-*"],
  externalId: { issuer: "none", samples: [] },
  access: [
    "Operata has no principal here: EventBridge Pipes, for exactly one pipe of this account, and Lambda assume the two roles.",
    "The pipe reads one Kinesis stream, invokes the redactor function and sends to Operata's API destination.",
    "The function writes its log and reads one secret; with vpc it manages network interfaces, with agentDataBucket it reads that bucket.",
  ],
  differences: [
    {
      guide: "Policy C names an API destination that exists only after the role.",
      here: "Left out, every destination with this group's name; with apiDestinationArn exactly one.",
      why: "The role comes first, and the name holds the group.",
    },
    {
      guide: "The policy AgentDataS3Access has no group in its name.",
      here: "AgentDataS3Access-Operata-GroupId-{group}.",
      why: "Two groups in one account would collide.",
    },
    {
      guide: "Customer managed policies.",
      here: "Inline policies with the guide's names.",
      why: "They live and die with their role, and nothing else can use them.",
    },
    {
      guide: "kinesis:ListStreams on the stream.",
      here: "Written as printed; it gives nothing.",
      why: "AWS applies it to no stream. The proof has no row for it.",
    },
    {
      guide: "The deployment policy names arn:aws:events:*:*:destination/….",
      here: "api-destination/….",
      why: "As printed it denies: real ARNs say api-destination.",
    },
    {
      guide: "The deployment policy lets roles be made in any account, with any trust, and deletes nothing.",
      here: "This account, region and group; PassRole only to the two services; actions for the teardown; no roles, because Drawbridge makes them.",
      why: "Whoever sets up function and pipe needs no IAM writes any more, and must be able to take them down.",
    },
    {
      guide: "The function's environment holds OPERATA_API_KEY.",
      here: "The secret's name.",
      why: "The same guide forbids keys in environment variables.",
    },
    {
      guide: "Runtime provided.al2.",
      here: "provided.al2023.",
      why: "AWS lets nobody create functions on provided.al2 from February 2027.",
    },
  ],
  troubleshooting: [
    {
      row: "assume.1.right-source",
      means: "The pipe's name differs: it must be operataEventsPipe-{instanceName}-amazonConnect, in this account and region.",
    },
    {
      row: "allow.ApiDestination.events:InvokeApiDestination",
      means: "The API destination isn't called operataEndpointGroup-{groupId}, or apiDestinationArn is an old one.",
    },
    {
      row: "allow.KinesisSource.kinesis:GetRecords",
      means: "The stream has another ARN, or encrypts with a key that the role has no right on.",
    },
  ],
  handOffFields: [
    { field: "EventBridge Pipe Role ARN", what: "the pipe's execution role" },
    { field: "Lambda Service Role ARN", what: "the redactor function's execution role" },
    { field: "Operata Group ID", what: "in the names of secret, connection and destination" },
    { field: "CTR Kinesis Stream ARN", what: "the pipe's source" },
  ],
  stacks: (parameters, context) => [role("pipe", parameters, context), role("lambda", parameters, context)],
  contract: (parameters, context) => ({
    roles: [roleContract("pipe", parameters, context), roleContract("lambda", parameters, context)],
    resources: [],
    sidPrefix: sidPrefix(context.tenant, context.integration),
    acceptedBreadth: [
      "AWSLambdaBasicExecutionRole writes logs of any name in the account.",
      ...(parameters.vpc ? ["Network interfaces can be managed on every resource: EC2 has no narrower form for a function in a VPC."] : []),
      "Lambda's trust can't be held to one function: whoever may pass the role decides.",
    ],
  }),
  expectations: (parameters) => ({
    buckets: parameters.agentDataBucket ? [parameters.agentDataBucket] : [],
    roleNames: Object.values(roleNames(parameters)),
    keyArns: [],
    encryption: [],
    pointers: {
      ...(parameters.agentDataBucket && { [parameters.agentDataBucket]: "/parameters/agentDataBucket" }),
      // The guide makes both names from the group's id.
      ...Object.fromEntries(Object.values(roleNames(parameters)).map((name) => [name, "/parameters/groupId"])),
    },
  }),
  handOff: (parameters, context) => {
    const where = "Cloud Collector v3, manual deployment";
    const names = roleNames(parameters);
    return [
      { field: "EventBridge Pipe Role ARN", value: roleArn(context, names.pipe), where },
      { field: "Lambda Service Role ARN", value: roleArn(context, names.lambda), where },
      { field: "Operata Group ID", value: parameters.groupId, where },
      { field: "CTR Kinesis Stream ARN", value: parameters.ctrStreamArn, where },
    ];
  },
  handOffDocuments: (parameters, context) => [
    {
      name: "DeploymentPolicy",
      what: "For whoever sets up secret, function, connection, destination and pipe, and takes them down: the guide's eight statements, corrected.",
      document: deploymentPolicy({
        ...context,
        ...parameters,
        roleArns: Object.values(roleNames(parameters)).map((name) => roleArn(context, name)),
      }),
    },
  ],
});
