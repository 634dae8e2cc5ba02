/** `destroy`: destroys every recorded stack, reads back that nothing is left, and writes a tombstone and a receipt. Needs no blueprint. */
import { taggedSurvivors } from "../accounts/inventory.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import type { TenantRecord } from "../model/tenant.ts";
import type { Run } from "../operations/run.ts";
import { ProblemError, problemOf } from "../problem.ts";
import { changeIntegration, findForUpdate } from "../store/integrations.ts";
import { openOperations } from "../store/operations.ts";
import { appendReceipt, type ReceiptBody } from "../store/receipts.ts";
import { isUpdate } from "./accept.ts";
import { type Account, enterAccount } from "./account.ts";
import type { Context } from "./context.ts";
import { lookUpOperation } from "./lookup.ts";
import { closeAccess } from "./stacks/close-access.ts";
import { destroyStacks } from "./stacks/destroy-stacks.ts";
import { rolesOf, rulesOf } from "./stacks/kinds.ts";
import { stackId } from "./work.ts";

/**
 * Runs a teardown until its read-back: closes access first, within seconds, then destroys the stacks.
 *
 * @throws ProblemError account_unreachable (the record stays and names what is left), leftovers, aws_denied, aws_throttled
 */
export async function destroy(context: Context, run: Run): Promise<void> {
  const { tenant, record } = await lookUpOperation(context, run);
  const specs = record.stacks.map((stack) => stack.spec);
  const proof: ReceiptBody["proof"] = { roleNames: rolesOf(record).map(({ name }) => name), tags: ownTags(tenant, record), found: [] };
  if (specs.length > 0) {
    const account = await run.step("enter-account", () => enterOrName(context, run, tenant, specs.map(stackId)));
    await run.step("close-trust", () => closeAccess({ context, run }, account, record, { forTeardown: true }));
    await run.step("destroy-stacks", () => destroyStacks({ context, run, account, integration: record.name }, specs));
    proof.found = await run.step("read-back", () => taggedSurvivors(account.clients, whatToFind(tenant, record)));
    if (proof.found.length > 0) throw leftovers(proof.found);
  }
  run.result = await run.step("record", () => writeTombstone(context, run, record, { removed: specs.map(stackId), proof }));
}

const ownTags = (tenant: TenantRecord, record: IntegrationRecord) => ({
  "drawbridge:tenant": tenant.name,
  "drawbridge:integration": record.name,
});

function whatToFind(tenant: TenantRecord, { name, stacks, createdAt }: IntegrationRecord) {
  const keys = stacks.some(({ spec }) => rulesOf(spec).usesKeys);
  return { tenant: tenant.name, integration: name, since: createdAt, keys };
}

function leftovers(found: readonly string[]): ProblemError {
  return new ProblemError(
    "leftovers",
    `Still there after the teardown, by its tags: ${found.join(", ")}. Run DELETE again; if it stays, remove it by hand.`,
  );
}

/** If the account can't be entered, we don't know whether anything is gone. So the failure names what is still recorded. */
async function enterOrName(context: Context, run: Run, tenant: TenantRecord, left: readonly string[]): Promise<Account> {
  return enterAccount(context, tenant, run.operation.id).catch((error: unknown) => {
    const { code, detail, cause } = problemOf(error);
    if (code !== "account_unreachable") throw error;
    throw new ProblemError(code, `${detail} Still recorded, and not looked for: ${left.join(", ")}.`, { ...(cause && { cause }) });
  });
}

/**
 * Writes the receipt and the tombstone. If somebody requested the integration again during the teardown, it writes no tombstone, and that
 * request goes on.
 */
async function writeTombstone(
  context: Context,
  run: Run,
  { tenant, name }: IntegrationRecord,
  { removed, proof }: Pick<ReceiptBody, "removed" | "proof">,
): Promise<Record<string, unknown>> {
  return context.store.db.transaction().execute(async (trx) => {
    // Lock the row first. Then a request that is being accepted is either found below or finds the tombstone.
    const retained = ((await findForUpdate(trx, tenant, name)).live?.retained ?? []).map(({ keyArn, why }) => ({ keyArn, why }));
    const at = context.now();
    const receipt = await appendReceipt(trx, { tenant, integration: name, operation: run.operation.id, at, removed, retained, proof });
    const open = await openOperations(trx, tenant, name);
    const later = open.slice(open.findIndex(({ id }) => id === run.operation.id) + 1);
    const wantedAgain = later.some(({ kind }) => isUpdate(kind));
    const tombstone = ({
      lastUp: _lastUp,
      proof: _proof,
      approved: _approved,
      approvedParameters: _parameters,
      authors: _authors,
      approvedBy: _approvedBy,
      closedByTeardown: _closedByTeardown,
      ...record
    }: IntegrationRecord): IntegrationRecord => ({
      ...record,
      stacks: [],
      updatedAt: at,
      receipt: { ...receipt },
      ...(!wantedAgain && { externalIds: [], handshake: { state: "gone", awaiting: [] }, goneAt: at }),
    });
    await changeIntegration(trx, tenant, name, tombstone, run);
    return { removed, retained, receipt };
  });
}
