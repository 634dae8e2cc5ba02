/** The invariants after a case, checked by reading AWS and the state bucket directly. Each answers what is wrong. */
import { isDeepStrictEqual } from "node:util";
import type { IntegrationView } from "../../src/http/schemas.ts";
import type { Operation, OperationEvent } from "../../src/operations/operation.ts";
import { readInventory, readState, readStatements } from "./inventory.ts";
import type { Rig } from "./rig.ts";

interface Case {
  name: string;
  /** The bucket's statements of others, as they were before */
  foreign: unknown[];
  bucket: string;
}

const terminal = ["succeeded", "failed", "cancelled"];

/** After an operation has ended, however it ended. */
export async function checkTrue(rig: Rig, { name, operation, foreign, bucket }: Case & { operation: Operation }): Promise<string[]> {
  const [inventory, state, statements] = await Promise.all([
    readInventory(rig.aws),
    readState(rig.platform, rig.stateBucket),
    readStatements(rig.aws, bucket),
  ]);
  const { body } = await rig.call<{ items: OperationEvent[] }>("GET", `/v1/operations/${operation.id}/events?limit=200`);
  const ends = body.items.filter(({ type, data }) => type === "state" && terminal.includes(String(data["state"])));
  const { body: integration, status } = await rig.call<IntegrationView>("GET", `/v1/tenants/acme/integrations/${name}`);
  const recorded = status === 200 ? integration.stacks.map((stack) => stack.stack) : [];
  const roles = inventory.roles.filter(({ tags }) => tags["drawbridge:integration"] === name);
  const keys = inventory.keys.filter(({ tags }) => tags["drawbridge:integration"] === name && tags["drawbridge:retained"] === undefined);
  const tagged = [...roles, ...keys].map(({ tags }) => tags["drawbridge:stack"] ?? "");
  const open = roles.flatMap(({ trust }) => trust.Statement.filter(({ Effect }) => Effect === "Allow"));
  return [
    ...said((await rig.updating()) > 0, "I1: processes of an update outlive their operation"),
    ...said(ends.length !== 1, `I2: the operation ended ${ends.length} times`),
    ...tagged.filter((stack) => !recorded.includes(stack)).map((stack) => `I3: ${stack} is in the account and not in the record`),
    ...said(
      operation.state === "succeeded" && operation.kind === "up" && (roles.length !== 1 || keys.length !== 1),
      `I3: succeeded with ${roles.length} roles and ${keys.length} keys`,
    ),
    ...said(
      operation.state === "succeeded" && operation.kind === "up" && state.pending.length > 0,
      `I3: pending operations in ${state.pending.join()}`,
    ),
    ...said(roles.length > 1, `I4: ${roles.length} roles`),
    ...said(keys.length > 1, `I4: ${keys.length} keys that nobody retained`),
    ...said(!isDeepStrictEqual(statements.foreign, foreign), "I5: a foreign statement changed"),
    ...said(
      open.some(({ Condition }) => Condition?.StringEquals?.["sts:ExternalId"] === undefined),
      "I6: a trust is open without an external id",
    ),
    ...state.locks.map((lock) => `a lock is left: ${lock}`),
    ...state.strays.map((key) => `I8: ${key} is outside every tenant's prefix`),
    ...said(integrationGone(status, integration) && tagged.length > 0, "I9: gone, and something is tagged"),
  ];
}

const said = (wrong: boolean, what: string): string[] => (wrong ? [what] : []);
const integrationGone = (status: number, view: IntegrationView) => status === 404 || view.handshake?.state === "gone";

/** After the integration's teardown succeeded. */
export async function checkEmpty(rig: Rig, { name, foreign, bucket }: Case): Promise<string[]> {
  const [inventory, state, statements] = await Promise.all([
    readInventory(rig.aws),
    readState(rig.platform, rig.stateBucket),
    readStatements(rig.aws, bucket),
  ]);
  const mine = <T extends { tags: Record<string, string> }>(things: T[]) =>
    things.filter(({ tags }) => tags["drawbridge:integration"] === name);
  const { body } = await rig.call<{ items: { keyArn: string; integration: string }[] }>("GET", "/v1/tenants/acme/keys");
  const listed = body.items.map(({ keyArn }) => keyArn.split("/").at(-1));
  return [
    ...mine(inventory.roles).map((role) => `I9: orphaned role ${role.name}`),
    ...mine(inventory.keys)
      .filter(({ tags }) => tags["drawbridge:retained"] === undefined)
      .map((key) => `I9: orphaned key ${key.id}`),
    ...mine(inventory.keys)
      .filter(({ id }) => !listed.includes(id))
      .map((key) => `I9: key ${key.id} is retained and not listed`),
    ...inventory.aliases.filter((alias) => alias.endsWith(`/${name}`)).map((alias) => `I9: orphaned ${alias}`),
    ...said(statements.ours.length > 0, `I9: ${statements.ours.length} statements of ours are left in the bucket's policy`),
    ...said(!isDeepStrictEqual(statements.foreign, foreign), "I5: a foreign statement changed"),
    ...state.locks.map((lock) => `a lock is left: ${lock}`),
    ...state.stacks.filter((stack) => stack.includes(`.${name}-`)).map((stack) => `I9: state of ${stack} is left`),
  ];
}
