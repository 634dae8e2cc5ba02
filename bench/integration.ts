/** The integrations that are measured, as a request to the service and as the stacks that the stock sequence runs. */
import { accountIds, sandboxRegion, tenantThings } from "../sandbox/accounts.ts";
import type { Proof } from "../src/iam/contract/contract.ts";
import { desiredStacks, parseParameters, requireBlueprint } from "../src/integrations/desired-stacks.ts";
import { judgeHandedOff } from "../src/integrations/hand-off/static-judgement.ts";
import type { TenantRecord } from "../src/model/tenant.ts";
import type { StackSpec } from "../stacks/stack.ts";

export interface Measured {
  /** As the tables name it */
  title: string;
  blueprint: string;
  parameters: Record<string, unknown>;
}

const bucket = tenantThings.plainBucket(accountIds.tenant);

/** One role, to read a bucket. */
export const conductorOne: Measured = { title: "ConductorOne (one role)", blueprint: "conductorone-s3", parameters: { bucket } };

/** A key of our own, the bucket's default encryption and a role: two stacks, one after the other. */
export const creativeForce: Measured = {
  title: "Creative Force (key and role)",
  blueprint: "creative-force-s3",
  parameters: { bucket, mode: "delivery", encryption: { type: "SSE-KMS", createKey: true, applyBucketEncryption: true } },
};

/** The same with a role of that name: one account holds many of them side by side. */
export function named(measured: Measured, roleName: string): Measured {
  return { ...measured, parameters: { ...measured.parameters, roleName } };
}

/** The body of the PUT. Creative Force's id is issued by us, so that a request names it as well. */
export function requestOf({ blueprint, parameters }: Measured, externalId: string): Record<string, unknown> {
  return { blueprint, parameters: { ...parameters, externalId } };
}

interface Place {
  name: string;
  externalId: string;
  tenant?: string;
}

/** The very stacks that the service runs for that request. */
export const stacksOf = (measured: Measured, place: Place): StackSpec[] => desiredOf(measured, place).specs;

/** The proof of that request over the documents as the service makes them, none read from an account. */
export const proofOf = (measured: Measured, place: Place, now: string): Proof =>
  judgeHandedOff(desiredOf(measured, place), { accountId: accountIds.tenant, partition: "aws", now });

function desiredOf(measured: Measured, { name, externalId, tenant = "acme" }: Place) {
  const blueprint = requireBlueprint(measured.blueprint);
  const record = { name: tenant, accountId: accountIds.tenant, region: sandboxRegion, tags: {} } as TenantRecord;
  const parameters = parseParameters(blueprint, measured.parameters);
  const desiredIntegration = {
    integration: name,
    blueprint: blueprint.id,
    version: blueprint.version,
    parameters,
    externalIds: [externalId],
  };
  return desiredStacks(record, desiredIntegration);
}
