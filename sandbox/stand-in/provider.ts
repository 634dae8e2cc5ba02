/** The provider itself: CheckConfig, Configure and the invokes (pulumi-aws provider/config.go, terraform-provider-aws internal/conns/config.go). */
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { type Aws, type ClientSettings, cached, loopbackEndpoints, type Service, setting } from "./aws.ts";
import type { Refusal } from "./check.ts";
import { attempt } from "./failure.ts";
import { type Properties, text } from "./values.ts";

/** Settings that would change what happens and that the stand-in doesn't act on: better refused than ignored. */
const unsupported = ["assumeRole", "assumeRoles", "assumeRoleWithWebIdentities", "ignoreTags", "customCaBundle", "httpProxy", "httpsProxy"];

let isChecked = false;

/** CheckConfig's refusals; tries the credentials once per process, for the first provider, as the real one does. */
export async function checkConfig(config: Properties, env: NodeJS.ProcessEnv): Promise<Refusal[]> {
  const refused = unsupported.filter((key) => config[key] !== undefined);
  if (refused.length > 0)
    return refused.map((property) => ({ property, reason: `the sandbox's stand-in for the AWS plugin doesn't know '${property}'` }));
  if (!regionOf(config, env)) return [{ property: "region", reason: "Missing region information." }];
  try {
    const aws = settingsOf(config, env);
    if (isChecked || setting(config, "skipCredentialsValidation", false)) return [];
    isChecked = true;
    await callerIdentity(aws);
    return [];
  } catch (error) {
    const details = error instanceof Error ? error.message : String(error);
    return [
      {
        property: "",
        reason: details.startsWith("This is Drawbridge") ? details : `unable to validate AWS credentials.\nDetails: ${details}`,
      },
    ];
  }
}

/** Resolves credentials and account and refuses accounts that the provider's settings refuse. */
export async function configure(config: Properties, env: NodeJS.ProcessEnv): Promise<Aws> {
  const aws = settingsOf(config, env);
  if (!setting(config, "skipRequestingAccountId", false)) aws.accountId = await accountOf(aws);
  const allowed = setting<string[]>(config, "allowedAccountIds", []);
  const forbidden = setting<string[]>(config, "forbiddenAccountIds", []);
  if ((allowed.length > 0 && !allowed.includes(aws.accountId)) || forbidden.includes(aws.accountId)) {
    throw new Error(`AWS account ID not allowed: ${aws.accountId}`);
  }
  return aws;
}

/** getCallerIdentity, getPartition and getRegion: the only invokes that the stand-in has. */
export async function invoke(token: string, args: Properties, aws: Aws): Promise<Properties> {
  switch (token) {
    case "aws:index/getCallerIdentity:getCallerIdentity": {
      const { accountId, arn, userId } = await callerIdentity(aws);
      return { accountId, arn, userId, id: accountId };
    }
    case "aws:index/getPartition:getPartition":
      return { partition: "aws", id: "aws", dnsSuffix: "amazonaws.com", reverseDnsPrefix: "com.amazonaws" };
    case "aws:index/getRegion:getRegion": {
      const region = text(args, "region") || text(args, "name") || aws.region;
      return { region, name: region, id: region, description: region, endpoint: `ec2.${region}.amazonaws.com` };
    }
    default:
      throw new Error(`the sandbox's stand-in for the AWS plugin doesn't know the function ${token}`);
  }
}

function regionOf(config: Properties, env: NodeJS.ProcessEnv): string {
  return text(config, "region") || env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "";
}

function settingsOf(config: Properties, env: NodeJS.ProcessEnv): Aws {
  const region = regionOf(config, env);
  const endpoints = loopbackEndpoints(config, env);
  const credentials = credentialsOf(config, env);
  const client = (service: Service): ClientSettings => ({ region, endpoint: endpoints[service], credentials, maxAttempts: 3 });
  const defaultTags = setting<{ tags?: Record<string, string> }>(config, "defaultTags", {}).tags ?? {};
  const s3UsePathStyle = setting(config, "s3UsePathStyle", false);
  return { accountId: "", region, defaultTags, s3UsePathStyle, client, clients: new Map() };
}

/** An explicit profile wins over keys in the environment, as in the upstream chain. */
function credentialsOf(config: Properties, env: NodeJS.ProcessEnv): ClientSettings["credentials"] {
  const profile = text(config, "profile") || env["AWS_PROFILE"];
  if (profile) {
    return async () => {
      const { fromIni } = await import("@aws-sdk/credential-providers");
      return await fromIni({ profile, ...(env["AWS_SHARED_CREDENTIALS_FILE"] && { filepath: env["AWS_SHARED_CREDENTIALS_FILE"] }) })();
    };
  }
  const accessKeyId = text(config, "accessKey") || env["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = text(config, "secretKey") || env["AWS_SECRET_ACCESS_KEY"];
  const sessionToken = text(config, "token") || env["AWS_SESSION_TOKEN"];
  return async () => {
    if (!accessKeyId || !secretAccessKey) throw new Error("No valid credential sources found.");
    return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  };
}

async function callerIdentity(aws: Aws): Promise<{ accountId: string; arn: string; userId: string }> {
  const sts = cached(aws, "sts", (settings) => new STSClient(settings));
  const { Account, Arn, UserId } = await attempt(
    "retrieving caller identity from STS",
    "STS: GetCallerIdentity",
    sts.send(new GetCallerIdentityCommand({})),
  );
  return { accountId: Account ?? "", arn: Arn ?? "", userId: UserId ?? "" };
}

async function accountOf(aws: Aws): Promise<string> {
  try {
    return (await callerIdentity(aws)).accountId;
  } catch (error) {
    throw new Error(`Retrieving AWS account details: validating provider credentials: ${error instanceof Error ? error.message : error}`);
  }
}
