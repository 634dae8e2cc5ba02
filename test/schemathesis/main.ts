/**
 * `npm run test:schemathesis [-- --seconds N] [-- --seed N]`: the real service in a sandbox, asked by schemathesis whatever its OpenAPI
 * document allows and whatever it forbids, with the administrator's token and with none. Fails on a server error, an answer that the
 * document doesn't have, or a body or header that isn't as documented.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { tenantThings } from "../../sandbox/accounts.ts";
import { createApi } from "../../sandbox/api.ts";
import { type Sandbox, startSandbox } from "../../sandbox/sandbox.ts";
import { type RunningService, startService } from "../../sandbox/service.ts";
import { ensureSchemathesis, schemathesisVersion } from "../../setup/schemathesis.ts";
import type { TenantView } from "../../src/http/views/schemas.ts";

const checks = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "negative_data_rejection",
  "ignored_auth",
  "unsupported_method",
  "allow_header_conformance",
];

/** The run is about answers: no limit may stand before them. */
const unlimited = {
  DRAWBRIDGE_REQUESTS_PER_MINUTE: "10000000",
  DRAWBRIDGE_WRITES_PER_MINUTE: "10000000",
  DRAWBRIDGE_DESTROYS_PER_HOUR: "10000000",
};

/** What is too long to be looked at is refused by 413. */
const rejections = `[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]

`;

const { values } = parseArgs({ options: { seconds: { type: "string", default: "120" }, seed: { type: "string", default: "1" } } });

/** One tenant and one integration, so that requests reach further than a 404. */
async function makeThings(sandbox: Sandbox, { url, token }: RunningService): Promise<Record<string, string>> {
  const api = createApi({ url, token });
  const { accountId, region, provisioningRoleArn } = sandbox.accounts.tenant;
  const made = await api.call<TenantView>("PUT", "/v1/tenants/acme", {
    body: { accountId, region, access: { mode: "assume-role", roleArn: provisioningRoleArn } },
  });
  await sandbox.trustProvisioner(made.body.provisioning.externalId);
  const bucket = tenantThings.plainBucket(accountId);
  const vendor = { vendor: "metrics", principalArn: "arn:aws:iam::999988887777:root" };
  await api.call("PUT", "/v1/trusted-principals/metrics", { body: vendor });
  const body = { blueprint: "custom-s3", parameters: { ...vendor, access: "read", buckets: [{ bucket }] } };
  const put = await api.call<{ operation?: { id: string } }>("PUT", "/v1/tenants/acme/integrations/c1", { body });
  await api.call("PUT", "/v1/sources/infra", { body: { repository: "https://git.example/infra" } });
  return {
    "path.tenant": "acme",
    "path.name": "c1",
    "path.source": "infra",
    ...(put.body.operation && { "path.id": put.body.operation.id }),
  };
}

async function schemathesis(program: string, folder: string, service: RunningService, more: string[]): Promise<boolean> {
  const [before, after] = [more.filter((one) => one.startsWith("--config-file")), more.filter((one) => !one.startsWith("--config-file"))];
  const args = [
    ...before,
    "run",
    `${service.url}/openapi.json`,
    "--checks",
    checks.join(","),
    "--max-time",
    values.seconds,
    "--seed",
    values.seed,
  ];
  const child = spawn(program, [...args, "--continue-on-failure", "--no-color", ...after], { cwd: folder, stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code === 0;
}

async function main(): Promise<boolean> {
  const program = await ensureSchemathesis((sentence) => console.log(sentence));
  const folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-schemathesis-"));
  const sandbox = await startSandbox({ dataDir: path.join(folder, "data"), log: () => {} });
  const service = await startService(sandbox, { environment: unlimited });
  try {
    const things = await makeThings(sandbox, service);
    const config = path.join(folder, "things.toml");
    const parameters = Object.entries(things).map(([name, value]) => `"${name}" = "${value}"\n`);
    await writeFile(config, `${rejections}[parameters]\n${parameters.join("")}`);
    const anything = path.join(folder, "anything.toml");
    await writeFile(anything, rejections);
    const authorized = ["--header", `Authorization: Bearer ${service.token}`];
    let passed = true;
    for (const [who, options] of [
      ["the administrator's token, on things that exist", [`--config-file=${config}`, "--exclude-method=DELETE", ...authorized]],
      ["the administrator's token, on anything", [`--config-file=${anything}`, ...authorized]],
      ["no token", [`--config-file=${anything}`]],
    ] as const) {
      console.log(`\nschemathesis ${schemathesisVersion} with ${who}`);
      passed = (await schemathesis(program, folder, service, [...options])) && passed;
    }
    const alive = await fetch(`${service.url}/healthz`);
    return passed && alive.status === 200;
  } finally {
    await service.stop();
    await sandbox.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

process.exit((await main()) ? 0 : 1);
