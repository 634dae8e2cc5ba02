/** Owned keys: retained when their stack goes, adopted by a later stack, deleted only by name. */
import { scheduleKeyDeletion } from "../../accounts/actions.ts";
import { findOwnedKey } from "../../accounts/keys.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import { openOperation } from "../../operations/open.ts";
import type { Run } from "../../operations/run.ts";
import { ProblemError } from "../../problem.ts";
import { changeIntegration, listIntegrations } from "../../store/integrations.ts";
import { openOperations, type StoredOperation } from "../../store/operations.ts";
import { enterAccount } from "../account.ts";
import type { Context } from "../context.ts";
import { lookUpOperation, requireTenant } from "../lookup.ts";
import { isOwnedKey } from "./owned-key.ts";

export interface KeyListing {
  key: string;
  keyArn: string;
  alias: string;
  state: "owned" | "retained" | "pending-deletion";
  integration: string;
  since?: string;
  deletionDate?: string;
}

/** Every key that Drawbridge made for a tenant, in use or retained. */
export async function listKeys(context: Context, tenant: string): Promise<KeyListing[]> {
  await requireTenant(context, tenant);
  const listings: KeyListing[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await listIntegrations(context.store.db, tenant, { limit: 200, cursor, includeGone: true });
    listings.push(...page.items.flatMap(keysOf));
    if (page.nextCursor === null) return listings;
    cursor = page.nextCursor;
  }
}

function keysOf(record: IntegrationRecord): KeyListing[] {
  const owned = record.stacks.flatMap(({ spec, outputs }): KeyListing[] => {
    if (!isOwnedKey(spec) || !outputs?.keyArn) return [];
    return [{ key: spec.key, keyArn: String(outputs.keyArn), alias: spec.inputs.alias, state: "owned", integration: record.name }];
  });
  const retained = (record.retained ?? []).map(({ key, keyArn, alias, since, deletionDate }): KeyListing => {
    const state = deletionDate ? "pending-deletion" : "retained";
    return { key, keyArn, alias, state, integration: record.name, since, ...(deletionDate && { deletionDate }) };
  });
  return [...owned, ...retained];
}

interface DeleteKeyRequest {
  /** days, 7 to 30 (AWS KMS guide, "Deleting AWS KMS keys") */
  days: number;
  keyArn: string;
}

/**
 * Accepts the deletion of a retained key that the request names twice.
 *
 * @throws ProblemError not_found, key_in_use, confirmation_mismatch
 */
export async function deleteKey(
  context: Context,
  request: { tenant: string; key: string; confirm: string; days: number; requestedBy: string },
): Promise<StoredOperation> {
  const { tenant, key, confirm, days, requestedBy } = request;
  const listed = (await listKeys(context, tenant)).filter((one) => one.key === key && one.state !== "pending-deletion");
  const retained = listed.find((one) => one.state === "retained");
  if (listed.length === 0) throw new ProblemError("not_found", "There is no such key.");
  if (confirm !== key)
    throw new ProblemError(
      "confirmation_mismatch",
      "`confirm` must be the key's own name: what this key encrypted can't be read once it is deleted.",
      { pointer: "/confirm" },
    );
  if (!retained)
    throw new ProblemError(
      "key_in_use",
      `Key ${key} belongs to integration ${listed[0]?.integration}. Remove it there first; then it is retained and can be deleted.`,
    );
  return context.store.db.transaction().execute(async (trx) => {
    // The integration may have several retained keys.
    const open = await openOperations(trx, tenant, retained.integration, ["delete-key"]);
    const same = open.find(({ request }) => request["keyArn"] === retained.keyArn);
    if (same) return same;
    return openOperation(context, trx, {
      kind: "delete-key",
      tenant,
      integration: retained.integration,
      request: { days, keyArn: retained.keyArn } satisfies DeleteKeyRequest,
      requestedBy,
      deadlineSeconds: context.operationSeconds,
    });
  });
}

/** Schedules the deletion if the key is still retained at that time. */
export async function runDeleteKey(context: Context, run: Run, { days, keyArn }: DeleteKeyRequest): Promise<void> {
  const { tenant, record } = await lookUpOperation(context, run);
  const retained = record.retained?.find((key) => key.keyArn === keyArn);
  if (!retained) {
    throw new ProblemError("key_in_use", "The key was taken in again since this was asked for; nothing was deleted.");
  }
  const account = await run.step("enter-account", () => enterAccount(context, tenant, run.operation.id));
  const deletionDate = await run.step("schedule-deletion", async () => {
    const owner = { tenant: tenant.name, key: retained.key };
    const key = await findOwnedKey(account.clients.kms, keyArn, owner);
    if (key) return scheduleKeyDeletion(account.clients.kms, key, days);
    throw new ProblemError(
      "not_found",
      `The account holds no key ${keyArn} with this stack's tags: it is gone, or somebody took its tags away. Nothing was deleted. Delete it in AWS by hand if it is yours.`,
    );
  });
  const dated = (now: IntegrationRecord) => ({
    ...now,
    retained: (now.retained ?? []).map((key) => (key.keyArn === keyArn ? { ...key, deletionDate } : key)),
  });
  await changeIntegration(context.store.db, tenant.name, record.name, dated, run);
  run.result = { keyArn, deletionDate };
}
