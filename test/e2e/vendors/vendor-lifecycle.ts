/** What every vendor's life needs: a world with the buckets of its fixture, the account's inventory, and the verbs by their routes. */
import assert from "node:assert/strict";
import { GetRoleCommand, paginateListPolicies, paginateListRoles } from "@aws-sdk/client-iam";
import { GetKeyPolicyCommand, ListGrantsCommand } from "@aws-sdk/client-kms";
import { CreateBucketCommand, GetBucketPolicyCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { tenantThings } from "../../../sandbox/accounts.ts";
import type { IntegrationView } from "../../../src/http/views/schemas.ts";
import type { Proof } from "../../../src/iam/contract/contract.ts";
import { maskedFields } from "../../../src/integrations/hand-off/masked.ts";
import type { Operation } from "../../../src/model/operation.ts";
import { type FixtureCase, readCases } from "../../blueprints/fixture.ts";
import { startRecordedWorld } from "../../provisioning/recorded-world.ts";
import type { World } from "../../support/world.ts";

export const refused = /AccessDenied|not authorized|Forbidden/;

export const succeeded = (operation: Operation): void => assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));

export interface VendorLifecycle extends World {
  fixture: FixtureCase;
  route: string;
  /** PUTs the fixture's integration with these parameters; answers what it has become. */
  up(parameters: Record<string, unknown>, externalId?: string): Promise<IntegrationView>;
  /** POSTs to one of the integration's verbs and follows the operation to its end. */
  verb(verb: string, body?: unknown): Promise<Operation>;
  /** The integration as it is. */
  read(): Promise<IntegrationView>;
  proof(): Promise<Proof>;
  /** The unique id of a role; undefined when there is no such role. */
  roleId(name: string): Promise<string | undefined>;
  arn(roleName: string): string;
  /** Everything in the tenant's account that an integration could leave behind or spoil. */
  inventory(): Promise<unknown>;
}

/** A world in which the case's tenant is registered and its buckets are there, with an object for each key. */
export async function liveAs(vendor: string, name: string, buckets: Record<string, string[]> = {}): Promise<VendorLifecycle> {
  const fixture = readCases(vendor).find((one) => one.name === name);
  if (!fixture) throw new Error(`no case ${name} of ${vendor}`);
  const world = await startRecordedWorld();
  const { tenant, integration } = fixture.context;
  const route = `/v1/tenants/${tenant}/integrations/${integration}`;
  await world.tenant(tenant);
  const { s3, iam } = world.aws();
  for (const [Bucket, keys] of Object.entries(buckets)) {
    await s3.send(new CreateBucketCommand({ Bucket }));
    for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: "hello\n" }));
  }
  const read = async () => (await world.api.call<IntegrationView>("GET", route)).body;
  // World's own functions refer to the object they were made on, so what changes at a restart is read from it.
  return Object.assign(Object.create(world) as World, {
    fixture,
    route,
    async up(parameters: Record<string, unknown>, externalId?: string) {
      const body = { blueprint: blueprintOf(vendor), parameters: { ...parameters, ...(externalId && { externalId }) } };
      const { operation, integration: made } = await world.put(tenant, integration, body);
      succeeded(operation);
      assert.equal(made.proof?.verdict, "green");
      return made;
    },
    async verb(verb: string, body?: unknown) {
      const answer = await world.api.call<{ operation: Operation }>("POST", `${route}/${verb}`, { ...(body !== undefined && { body }) });
      assert.equal(answer.status, 202, JSON.stringify(answer.body));
      return world.api.finished(answer.body.operation.id);
    },
    read,
    proof: async () => (await world.api.call<Proof>("GET", `${route}/proof`)).body,
    roleId: async (RoleName: string) =>
      iam.send(new GetRoleCommand({ RoleName })).then(
        ({ Role }) => Role?.RoleId,
        (error: Error) => {
          if (error.name === "NoSuchEntityException") return undefined;
          throw error;
        },
      ),
    arn: (roleName: string) => `arn:aws:iam::${world.sandbox.accounts.tenant.accountId}:role/${roleName}`,
    inventory: () => inventory(world, Object.keys(buckets)),
  });
}

const blueprints: Record<string, string> = {
  conductorone: "conductorone-s3",
  "creative-force": "creative-force-s3",
  custom: "custom-s3",
  infosum: "infosum-s3",
  labra: "labra-oppsync",
  operata: "operata-cloud-collector",
};
const blueprintOf = (vendor: string): string => blueprints[vendor] ?? vendor;

async function inventory(world: World, buckets: string[]): Promise<unknown> {
  const { iam, s3, kms } = world.aws();
  const { accountId, keyArn } = world.sandbox.accounts.tenant;
  const roles: string[] = [];
  for await (const page of paginateListRoles({ client: iam }, {})) roles.push(...(page.Roles ?? []).map(({ RoleId }) => RoleId ?? ""));
  const policies: string[] = [];
  for await (const page of paginateListPolicies({ client: iam }, { Scope: "Local" }))
    policies.push(...(page.Policies ?? []).map(({ Arn }) => Arn ?? ""));
  const bucketPolicies = [tenantThings.plainBucket(accountId), tenantThings.sharedBucket(accountId), ...buckets].map(async (Bucket) =>
    s3.send(new GetBucketPolicyCommand({ Bucket })).then(
      ({ Policy }) => [Bucket, JSON.parse(Policy ?? "null")],
      (error: Error) => [Bucket, error.name],
    ),
  );
  const key = await kms.send(new GetKeyPolicyCommand({ KeyId: keyArn, PolicyName: "default" }));
  const { Grants = [] } = await kms.send(new ListGrantsCommand({ KeyId: keyArn }));
  return {
    roles: roles.toSorted(),
    policies: policies.toSorted(),
    buckets: await Promise.all(bucketPolicies),
    key: key.Policy,
    grants: Grants.map(({ GrantId }) => GrantId),
  };
}

/** The hand-off in the integration's view is the fixture's, its ids as fingerprints; `swap` puts this world's values for the fixture's. */
export function assertHandOff({ handOff }: IntegrationView, { handOff: expected }: FixtureCase, swap: Record<string, string> = {}): void {
  const text = Object.entries(swap).reduce((json, [from, to]) => json.replaceAll(from, to), JSON.stringify(expected));
  assert.deepEqual(
    handOff,
    maskedFields(JSON.parse(text)).map(({ field, value, where }) => ({ field, value, where })),
  );
}
