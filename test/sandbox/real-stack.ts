/** A stack that the real CLI works on: the program given, state in the sandbox's bucket, the sandbox's plugin. */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import path from "node:path";
import { LocalWorkspace, PulumiCommand, type PulumiFn, type Stack } from "@pulumi/pulumi/automation/index.js";
import type { Place } from "../../programs/program.ts";
import { accountIds, sandboxRegion } from "../../sandbox/accounts.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { assumeAs } from "../../sandbox/vendor.ts";
import type { Credentials } from "../../src/engine/engine.ts";

/** Where the programs put things. */
export const place: Place = { accountId: accountIds.tenant, region: sandboxRegion, pathStyle: true };

/** Makes the stack, with a session of the tenant's provisioning role as `target` and the service's user as `state`. */
export async function realStack(sandbox: Sandbox, name: string, program: PulumiFn): Promise<Stack> {
  const { platform, tenant } = sandbox.accounts;
  await sandbox.trustProvisioner("real-stack");
  const session = await assumeAs(sandbox, platform, {
    roleArn: tenant.provisioningRoleArn ?? "",
    sessionName: "real-stack",
    externalId: "real-stack",
  });
  await mkdir(path.join(sandbox.dataDir, "work"), { recursive: true });
  const workDir = await mkdtemp(path.join(sandbox.dataDir, "work", "stack-"));
  const credentials = path.join(workDir, "credentials");
  await writeFile(credentials, profile("state", platform) + profile("target", session), { mode: 0o600 });
  await writeFile(path.join(workDir, "aws-config"), "");
  const url = `${sandbox.stateUrl.replace("?", "/tenants/acme?")}&profile=state`;
  return await LocalWorkspace.createOrSelectStack(
    { stackName: name, projectName: "drawbridge", program },
    {
      workDir,
      pulumiCommand: await PulumiCommand.get({ root: sandbox.cli.root }),
      pulumiHome: sandbox.pulumiHome,
      projectSettings: { name: "drawbridge", runtime: "nodejs", backend: { url } },
      envVars: {
        AWS_SHARED_CREDENTIALS_FILE: credentials,
        AWS_CONFIG_FILE: path.join(workDir, "aws-config"),
        AWS_ENDPOINT_URL: sandbox.awsEndpoint,
        AWS_RESPONSE_CHECKSUM_VALIDATION: "when_required",
        PULUMI_BACKEND_URL: url,
        PULUMI_CONFIG_PASSPHRASE: "real-stack",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      },
    },
  );
}

/** Takes `protect` out of the state: the Automation API has no `--ignore-protect`. */
export async function unprotect(stack: Stack): Promise<void> {
  const state = await stack.exportStack();
  for (const resource of (state.deployment as { resources: { protect?: boolean }[] }).resources) delete resource.protect;
  await stack.importStack(state);
}

function profile(name: string, { accessKeyId, secretAccessKey, sessionToken }: Credentials): string {
  const token = sessionToken ? [`aws_session_token=${sessionToken}`] : [];
  return [`[${name}]`, `aws_access_key_id=${accessKeyId}`, `aws_secret_access_key=${secretAccessKey}`, ...token, ""].join("\n");
}
