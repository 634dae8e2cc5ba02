/** The invariants after a case, checked by direct reads of AWS and the state bucket. Each function returns what is wrong. */
import { isDeepStrictEqual } from "node:util";
import type { AuditView } from "../../src/http/routes/admin/audit.ts";
import type { IntegrationView } from "../../src/http/views/schemas.ts";
import type { Operation, OperationEvent } from "../../src/model/operation.ts";
import { type Inventory, readInventory, readState, readStatements, type StateFacts } from "./inventory.ts";
import type { Rig } from "./rig.ts";

export interface Which {
  tenant: string;
  name: string;
}

export interface Ended extends Which {
  operation: Operation;
  /** What the account contains after a successful `up` of this integration */
  has: { roles: number; keys: number };
}

/** The real content of AWS and the state bucket at one moment. */
export interface Sight {
  inventory: Inventory;
  state: StateFacts;
}

const terminal = ["succeeded", "failed", "cancelled"];
const said = (wrong: boolean, what: string): string[] => (wrong ? [what] : []);

/** Reads the rig's account and the state bucket: all of it, or one tenant's part. */
export async function look(rig: Rig, tenant?: string): Promise<Sight> {
  const [inventory, state] = await Promise.all([readInventory(rig.aws), readState(rig.platform, rig.stateBucket, tenant)]);
  return { inventory, state };
}

const isOf =
  ({ tenant, name }: Which) =>
  ({ tags }: { tags: Record<string, string> }) =>
    tags["drawbridge:tenant"] === tenant && tags["drawbridge:integration"] === name;

/** For every end of an operation: the invariants that hold while other operations continue (I1-I4, I6, I9, I10). */
export async function checkEnded(rig: Rig, { inventory, state }: Sight, ended: Ended): Promise<string[]> {
  const { tenant, name, operation, has } = ended;
  const events = await eventsOf(rig, operation.id);
  const ends = events.filter(({ type, data }) => type === "state" && terminal.includes(String(data["state"])));
  const { body: integration, status } = await rig.call<IntegrationView>("GET", `/v1/tenants/${tenant}/integrations/${name}`);
  const recorded = status === 200 ? integration.stacks.map((stack) => stack.stack) : [];
  const roles = inventory.roles.filter(isOf(ended));
  const keys = inventory.keys.filter((key) => isOf(ended)(key) && key.tags["drawbridge:retained"] === undefined);
  const tagged = [...roles, ...keys].map(({ tags }) => tags["drawbridge:stack"] ?? "");
  const open = roles.flatMap(({ trust }) => trust.Statement.filter(({ Effect }) => Effect === "Allow"));
  const isUp = operation.state === "succeeded" && operation.kind === "up";
  const pending = state.pending.filter((key) => recorded.some((stack) => key.includes(`tenants/${tenant}/`) && key.includes(stack)));
  const gone = status === 404 || integration.handshake?.state === "gone";
  return [
    ...said((await rig.updating(operation.id)) > 0, "I1: processes of an update outlive their operation"),
    ...said(ends.length !== 1, `I2: the operation ended ${ends.length} times`),
    ...tagged.filter((stack) => !recorded.includes(stack)).map((stack) => `I3: ${stack} is in the account and not in the record`),
    ...said(
      isUp && (roles.length !== has.roles || keys.length !== has.keys),
      `I3: succeeded with ${roles.length} roles and ${keys.length} keys`,
    ),
    ...said(isUp && pending.length > 0, `I3: pending operations in ${pending.join()}`),
    ...said(roles.length > has.roles, `I4: ${roles.length} roles`),
    ...said(keys.length > has.keys, `I4: ${keys.length} keys that nobody retained`),
    ...said(
      open.some(({ Condition }) => Condition?.StringEquals?.["sts:ExternalId"] === undefined),
      "I6: a trust is open without an external id",
    ),
    ...said(gone && tagged.length > 0, `I9: gone, and there is still ${tagged.join()}`),
    ...(await checkAudit(rig, operation)),
  ];
}

async function eventsOf(rig: Rig, id: string): Promise<OperationEvent[]> {
  const events: OperationEvent[] = [];
  for (;;) {
    const after = events.at(-1)?.seq ?? 0;
    const { body } = await rig.call<{ items: OperationEvent[] }>("GET", `/v1/operations/${id}/events?limit=200&after=${after}`);
    events.push(...body.items);
    if (body.items.length < 200) return events;
  }
}

/**
 * I10: every run of the operation has an intent, written before it. The run that ended it has its outcome; a run that was killed has only
 * an intent. Each direct write's outcome has an intent before it.
 */
async function checkAudit(rig: Rig, { id, kind, startedAt, error }: Operation): Promise<string[]> {
  const rows: AuditView[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: { items: AuditView[]; nextCursor: string | null } = (
      await rig.call<{ items: AuditView[]; nextCursor: string | null }>(
        "GET",
        `/v1/audit?operation=${id}&limit=200${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
      )
    ).body;
    rows.push(...page.items);
    cursor = page.nextCursor;
  }
  // An accepted request's outcome names the operation that it made. Its intent couldn't name it.
  const own = rows.filter(({ action }) => !action.includes(" /")).toReversed();
  const runs = own.filter(({ action }) => action === `operation:${kind}`);
  const intents = runs.filter(({ phase }) => phase === "intent");
  const seen = new Set<string>();
  const orphans = own.filter(({ phase, id: row, of }) => {
    if (phase === "intent") seen.add(row);
    return phase === "outcome" && !seen.has(of ?? "");
  });
  const last = intents.at(-1);
  const closed = runs.some(({ of }) => of !== undefined && of === last?.id);
  return [
    ...said(startedAt !== undefined && intents.length === 0, "I10: the operation ran without an intent in the audit"),
    ...said(last !== undefined && !closed && error?.cause !== "quarantined", "I10: the run that ended the operation has no outcome"),
    ...said(orphans.length > 0, `I10: ${orphans.length} outcomes without an intent before them`),
  ];
}

/** After everything has ended: no lock, no process of an update, no object outside every tenant's prefix. */
export async function checkQuiet(rig: Rig, { state }: Sight): Promise<string[]> {
  return [
    ...said((await rig.updating()) > 0, "I1: processes of an update are left"),
    ...state.locks.map((lock) => `a lock is left: ${lock}`),
    ...state.strays.map((key) => `I8: ${key} is outside every tenant's prefix`),
  ];
}

/** The bucket's foreign statements are unchanged. */
export async function checkForeign(rig: Rig, bucket: string, foreign: unknown[]): Promise<string[]> {
  const statements = await readStatements(rig.aws, bucket);
  return said(!isDeepStrictEqual(statements.foreign, foreign), "I5: a foreign statement changed");
}

/** After the teardown of an integration succeeded (I9). */
export async function checkEmpty(rig: Rig, { inventory, state }: Sight, which: Which): Promise<string[]> {
  const { tenant, name } = which;
  const mine = <T extends { tags: Record<string, string> }>(things: T[]) => things.filter(isOf(which));
  const { body } = await rig.call<{ items: { keyArn: string; integration: string }[] }>("GET", `/v1/tenants/${tenant}/keys`);
  const listed = body.items.map(({ keyArn }) => keyArn.split("/").at(-1));
  return [
    ...mine(inventory.roles).map((role) => `I9: orphaned role ${role.name}`),
    ...mine(inventory.keys)
      .filter(({ tags }) => tags["drawbridge:retained"] === undefined)
      .map((key) => `I9: orphaned key ${key.id}`),
    ...mine(inventory.keys)
      .filter(({ id }) => !listed.includes(id))
      .map((key) => `I9: key ${key.id} is retained and not listed`),
    ...inventory.aliases.filter((alias) => alias.endsWith(`/${tenant}/${name}`)).map((alias) => `I9: orphaned ${alias}`),
    ...state.stacks
      .filter((stack) => stack.startsWith(`${tenant}/`) && stack.includes(`.${name}-`))
      .map((stack) => `I9: state of ${stack} is left`),
  ];
}

/** After the last teardown of an integration with statements in the bucket's policy. */
export async function checkNoStatements(rig: Rig, bucket: string): Promise<string[]> {
  const { ours } = await readStatements(rig.aws, bucket);
  return said(ours.length > 0, `I9: ${ours.length} statements of ours are left in the bucket's policy`);
}
