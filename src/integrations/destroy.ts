/** `destroy`: take every recorded stack down, read back that nothing is left, leave a tombstone. Needs no blueprint. */
import { roleNamesOf, survivors } from "../accounts/inventory.ts";
import type { Run } from "../operations/run.ts";
import { ProblemError } from "../problem.ts";
import { changeIntegration } from "../store/integrations.ts";
import { currentOperation } from "../store/operations.ts";
import type { IntegrationRecord } from "../store/records.ts";
import { enterAccount } from "./account.ts";
import { destroyStacks } from "./destroy-stacks.ts";
import type { Shell } from "./shell.ts";
import { subjectOf } from "./up.ts";
import { stackId } from "./update-stacks.ts";

/** Runs a teardown to its read-back end. */
export async function destroy(shell: Shell, run: Run): Promise<void> {
  const { tenant, record } = await subjectOf(shell, run);
  const specs = record.stacks.map((stack) => stack.spec);
  if (specs.length > 0) {
    const account = await run.step("enter-account", () => enterAccount(shell, tenant, run.operation.id));
    const work = { shell, run, account, integration: record.name };
    await run.step("destroy-stacks", () => destroyStacks(work, specs));
    const left = await run.step("read-back", () =>
      survivors(account.clients, { tenant: tenant.name, integration: record.name, roleNames: roleNamesOf(specs) }),
    );
    if (left.length > 0) {
      throw new ProblemError(
        "leftovers",
        `Still there after the teardown: ${left.join(", ")}. Run DELETE again; if it stays, remove it by hand.`,
      );
    }
  }
  await run.step("record", () => bury(shell, run, record));
  const after = await subjectOf(shell, run);
  run.result = { removed: specs.map(stackId), retained: after.record.retained ?? [] };
}

/** The tombstone, unless somebody asked for the integration again while it went down: then that request goes on. */
async function bury(shell: Shell, run: Run, { tenant, name }: IntegrationRecord): Promise<void> {
  await shell.store.db.transaction().execute(async (trx) => {
    const next = await currentOperation(trx, tenant, name);
    const wantedAgain = next !== undefined && next.id !== run.operation.id && next.kind !== "destroy";
    await changeIntegration(trx, tenant, name, ({ lastUp: _lastUp, proof: _proof, ...record }) => ({
      ...record,
      stacks: [],
      updatedAt: shell.now(),
      ...(!wantedAgain && { externalIds: [], handshake: { state: "gone", awaiting: [] }, goneAt: shell.now() }),
    }));
  });
}
