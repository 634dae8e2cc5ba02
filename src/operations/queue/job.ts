/** What an operation waits in line for: the lane of its job, and the key that keeps it behind others. Pure. */
import type { Operation } from "../../model/operation.ts";

export interface Job {
  operationId: string;
  /** As `queueKey` makes it: jobs of one key run one after the other, in the order of their enqueueing. */
  key: string;
}

/** Parents hold no worker that their children need, however many of either there are (docs/adr/0060). */
export const lanes = { operations: "operations", parents: "parents", urgent: "urgent" } as const;
export type Lane = (typeof lanes)[keyof typeof lanes];

/** Kinds that only start other operations and wait for them. */
const parentKinds: readonly string[] = ["reconcile", "offboard"];
/** Kinds that may wait for nothing: taking a vendor's access away. */
const urgentKinds: readonly string[] = ["revoke"];
/** Whether operations of this kind may run updates themselves. */
export const hasUpdates = (kind: Operation["kind"]): boolean => !parentKinds.includes(kind) && !urgentKinds.includes(kind);

/** No tenant's name holds a colon. */
const parentMark = "parent:";
const urgentMark = "urgent:";

type Queued = Pick<Operation, "id" | "tenant" | "integration" | "kind"> & { request?: Record<string, unknown> };

/** Giving access back starts other operations and waits for them: it must not stand in the way of taking access away. */
const isReinstatement = ({ kind, request }: Queued): boolean => kind === "revoke" && request?.["to"] === "reinstated";

/** The job that an operation waits as. */
export const jobOf = (operation: Queued): Job => ({ operationId: operation.id, key: queueKey(operation) });

/**
 * The key of an operation's job: its integration's, else its tenant's, else its kind's (a vendor's revocation). A preview waits for
 * nobody, and a parent for its children only.
 */
export function queueKey(operation: Queued): string {
  const { id, tenant, integration, kind } = operation;
  if (parentKinds.includes(kind) || isReinstatement(operation)) return `${parentMark}${kind}/${id}`;
  if (urgentKinds.includes(kind)) return `${urgentMark}${kind}/${id}`;
  if (tenant === undefined) return kind;
  if (kind === "preview") return `${tenant}/preview:${id}`;
  return integration === undefined ? tenant : `${tenant}/${integration}`;
}

/** The tenant in a job's key, which is before the first slash. */
export function groupOf(key: string): string {
  return key.split("/", 1)[0] ?? key;
}

/** Where a job of this key waits. */
export function laneOf(key: string): Lane {
  if (key.startsWith(parentMark)) return lanes.parents;
  return key.startsWith(urgentMark) ? lanes.urgent : lanes.operations;
}
