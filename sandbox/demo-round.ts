/** The demo's steps. Each checks what it did by being the vendor or by reading AWS itself, never by asking the service. */
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { GetRoleCommand, IAMClient, ListRolesCommand } from "@aws-sdk/client-iam";
import { GetBucketPolicyCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { IntegrationView, TenantView } from "../src/http/views/schemas.ts";
import type { Proof } from "../src/iam/contract/contract.ts";
import { canonicalJson } from "../src/iam/words/policy-document.ts";
import type { Operation, OperationEvent } from "../src/model/operation.ts";
import { sandboxRegion, tenantThings, type VendorName, vendorPrincipals } from "./accounts.ts";
import { type Api, createApi } from "./api.ts";
import type { Sandbox } from "./sandbox.ts";
import type { RunningService } from "./service.ts";
import { assumeAs, asTenantAdmin, asVendor } from "./vendor.ts";

export interface Outcome {
  what: string;
  ok: boolean;
  detail: string;
}

export interface Demo {
  sandbox: Sandbox;
  service: RunningService;
  outcomes: Outcome[];
  /** The policy of the bucket that others write in too, before anything was done. */
  sharedPolicy?: string | undefined;
  say(line: string): void;
}

interface Body {
  blueprint: string;
  parameters: Record<string, unknown> & { externalId: string };
}

export interface Example {
  tenant: string;
  name: string;
  body: Body;
}

export interface Examples {
  tenant: { name: string; body: Record<string, unknown> };
  integrations: Example[];
}

const folder = path.resolve(import.meta.dirname, "../examples/acme");
const apiOf = ({ service }: Demo): Api => createApi(service);

/** The examples, with the key of this sandbox where they name one. */
export async function readExamples(sandbox: Sandbox): Promise<Examples> {
  const json = async (file: string) =>
    JSON.parse((await readFile(path.join(folder, file), "utf8")).replaceAll("SANDBOX_KEY_ARN", sandbox.accounts.tenant.keyArn ?? ""));
  const files = (await readdir(path.join(folder, "integrations"))).sort();
  const integrations = files.map(async (file) => ({
    tenant: "acme",
    name: path.basename(file, ".json"),
    body: (await json(`integrations/${file}`)) as Body,
  }));
  return { tenant: { name: "acme", body: await json("tenant.json") }, integrations: await Promise.all(integrations) };
}

function check({ outcomes, say }: Demo, what: string, ok: boolean, detail: string): void {
  outcomes.push({ what, ok, detail });
  say(`${ok ? "✔" : "✘"} ${what}: ${detail}`);
}

/** Registers the tenant and puts its external id into the provisioning role's trust, as the customer would. */
export async function registerTenant(demo: Demo, tenant: Examples["tenant"]): Promise<void> {
  const { status, body } = await apiOf(demo).call<TenantView>("PUT", `/v1/tenants/${tenant.name}`, { body: tenant.body });
  check(demo, "tenant registered", status === 201 || status === 200, `account ${body.accountId}, ${body.region}`);
  await demo.sandbox.trustProvisioner(body.provisioning.externalId);
  demo.sharedPolicy = await sharedPolicy(demo);
}

/** PUTs an example, follows it to its end, shows proof and hand-off, then tries it as the vendor. */
export async function applyExample(demo: Demo, example: Example): Promise<void> {
  const operation = await put(demo, example, example.body);
  const { call } = apiOf(demo);
  const route = `/v1/tenants/${example.tenant}/integrations/${example.name}`;
  const { body: proof } = await call<Proof>("GET", `${route}/proof`);
  const green = proof.rows?.filter((row) => row.verdict === "green").length ?? 0;
  check(
    demo,
    `${example.name} is proven`,
    operation.state === "succeeded" && proof.verdict === "green",
    `${operation.state}, ${green} of ${proof.rows?.length ?? 0} rows green`,
  );
  const { body: integration } = await call<IntegrationView>("GET", route);
  demo.say("Paste at the vendor:");
  for (const { field, value } of integration.handOff ?? []) demo.say(`    ${field}: ${value}`);
  await tryAsVendor(demo, example, integration, example.body.parameters.externalId);
  const again = await call<unknown>("PUT", route, { body: example.body });
  check(demo, `${example.name}: the same PUT again does nothing`, again.status === 200, `HTTP ${again.status}`);
}

/** Gives the integration another external id: same role, and the old id stops working. */
export async function changeExample(demo: Demo, example: Example): Promise<void> {
  const old = example.body.parameters.externalId;
  const before = await roleOf(demo, example);
  example.body.parameters.externalId = `rotated-${randomBytes(16).toString("hex")}`;
  const operation = await put(demo, example, example.body);
  const after = await roleOf(demo, example);
  check(demo, `${example.name} changed in place`, operation.state === "succeeded" && before?.id === after?.id, `role id ${after?.id}`);
  const vendor = vendorOf(example);
  const opens = (externalId: string) => canAssume(demo, vendor, after?.arn ?? "", externalId);
  check(
    demo,
    `${example.name}: only the new id works`,
    (await opens(example.body.parameters.externalId)) && !(await opens(old)),
    "tried as the vendor",
  );
}

/** Deletes every integration, then the tenant, and looks for what is left. */
export async function tearDown(demo: Demo, examples: Examples): Promise<void> {
  const { call, finished } = apiOf(demo);
  for (const { tenant, name } of [...examples.integrations].reverse()) {
    const { body } = await call<{ operation: Operation }>("DELETE", `/v1/tenants/${tenant}/integrations/${name}`);
    const operation = await finished(body.operation.id, { onEvent: progress(demo) });
    check(demo, `${name} torn down`, operation.state === "succeeded", operation.error?.detail ?? operation.state);
  }
  const left = await ownedRoles(demo);
  check(demo, "nothing is left in the account", left.length === 0, left.length === 0 ? "no role with our tags" : left.join(", "));
  const sameAsBefore = (await sharedPolicy(demo)) === demo.sharedPolicy;
  check(demo, "the shared bucket's policy is as it was", sameAsBefore, "other people's statements, read from S3");
  const { status } = await call("DELETE", `/v1/tenants/${examples.tenant.name}`);
  check(demo, "tenant removed", status === 204, `HTTP ${status}`);
}

async function put(demo: Demo, { tenant, name }: Example, body: Body): Promise<Operation> {
  const { call, finished } = apiOf(demo);
  const route = `/v1/tenants/${tenant}/integrations/${name}`;
  const there = await call<unknown>("GET", route);
  const etag = there.headers.get("etag");
  const answer = await call<{ operation: Operation; detail?: string }>("PUT", route, {
    body,
    headers: there.status === 200 && etag ? { "if-match": etag } : {},
  });
  if (answer.status !== 202) throw new Error(`PUT ${route} answered ${answer.status}: ${answer.body?.detail ?? ""}`);
  const operation = await finished(answer.body.operation.id, { onEvent: progress(demo) });
  if (operation.error) demo.say(`✘ ${operation.error.code}: ${operation.error.detail}`);
  return operation;
}

const progress = (demo: Demo) => (event: OperationEvent) => {
  const { name, stack, op, type, phase } = event.data as Record<string, string>;
  if (event.type === "step-started") demo.say(`… ${name}`);
  if (event.type === "step" && phase === "done") demo.say(`    ${op} ${type} (${stack})`);
};

const vendorOf = (example: Example): VendorName => {
  const found = (Object.keys(vendorPrincipals) as VendorName[]).find((vendor) => example.body.blueprint.startsWith(vendor));
  if (!found) throw new Error(`no vendor lives in the sandbox for ${example.body.blueprint}`);
  return found;
};

async function canAssume({ sandbox }: Demo, vendor: VendorName, roleArn: string, externalId?: string): Promise<boolean> {
  const session = { roleArn, sessionName: "demo", ...(externalId && { externalId }) };
  return assumeAs(sandbox, await asVendor(sandbox, vendor), session).then(
    () => true,
    () => false,
  );
}

async function tryAsVendor(demo: Demo, example: Example, integration: IntegrationView, externalId: string): Promise<void> {
  const vendor = vendorOf(example);
  const roleArn = String(integration.outputs.roleArn);
  const session = await assumeAs(demo.sandbox, await asVendor(demo.sandbox, vendor), { roleArn, sessionName: "demo", externalId });
  const s3 = new S3Client({ endpoint: demo.sandbox.awsEndpoint, region: sandboxRegion, credentials: session, forcePathStyle: true });
  const Bucket = String(example.body.parameters.bucket);
  const object = await s3
    .send(new GetObjectCommand({ Bucket, Key: tenantThings.sampleObject }))
    .then((answer) => answer.Body?.transformToString());
  check(demo, `${example.name}: the vendor reads`, object === "hello\n", `s3://${Bucket}/${tenantThings.sampleObject}`);
  const mayWrite = example.body.parameters.mode === "delivery";
  const wrote = await s3.send(new PutObjectCommand({ Bucket, Key: "reports/vendor.txt", Body: "x" })).then(
    () => true,
    () => false,
  );
  check(demo, `${example.name}: the vendor ${mayWrite ? "writes" : "can't write"}`, wrote === mayWrite, "PutObject as the vendor");
  const closed = !(await canAssume(demo, vendor, roleArn)) && !(await canAssume(demo, vendor, roleArn, "a-wrong-id"));
  check(demo, `${example.name}: no id and a wrong id are refused`, closed, "AssumeRole as the vendor");
}

const adminIam = ({ sandbox }: Demo) =>
  new IAMClient({ endpoint: sandbox.awsEndpoint, region: sandboxRegion, credentials: asTenantAdmin(sandbox) });

async function sharedPolicy({ sandbox }: Demo): Promise<string | undefined> {
  const { accountId } = sandbox.accounts.tenant;
  const s3 = new S3Client({
    endpoint: sandbox.awsEndpoint,
    region: sandboxRegion,
    credentials: asTenantAdmin(sandbox),
    forcePathStyle: true,
  });
  const { Policy } = await s3.send(new GetBucketPolicyCommand({ Bucket: tenantThings.sharedBucket(accountId) }));
  return Policy && canonicalJson(JSON.parse(Policy));
}

async function roleOf(demo: Demo, { tenant, name }: Example): Promise<{ id: string; arn: string } | undefined> {
  const { body } = await apiOf(demo).call<IntegrationView>("GET", `/v1/tenants/${tenant}/integrations/${name}`);
  const RoleName = String(body.outputs.roleArn).split("/").at(-1);
  const { Role } = await adminIam(demo).send(new GetRoleCommand({ RoleName }));
  return Role ? { id: Role.RoleId ?? "", arn: Role.Arn ?? "" } : undefined;
}

async function ownedRoles(demo: Demo): Promise<string[]> {
  const iam = adminIam(demo);
  const { Roles = [] } = await iam.send(new ListRolesCommand({ MaxItems: 1000 }));
  const found = await Promise.all(Roles.map(async (role) => (await iam.send(new GetRoleCommand({ RoleName: role.RoleName }))).Role));
  return found.filter((role) => role?.Tags?.some((tag) => tag.Key === "drawbridge:tenant")).map((role) => role?.Arn ?? "");
}
