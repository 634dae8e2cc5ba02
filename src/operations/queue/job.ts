/** Where an operation waits: the lane of its job, and the key that keeps it behind other jobs. Pure. */
import type { Operation } from "../../model/operation.ts";

export interface Job {
  operationId: string;
  /** Made by `queueKey`. Jobs with the same key run one after the other, in the order in which they were queued. */
  key: string;
}

/**
 * Parents have a lane of their own, so that they never hold a worker that a child needs, however many of each there are (docs/adr/0060).
 */
export const lanes = { operations: "operations", parents: "parents", urgent: "urgent" } as const;
export type Lane = (typeof lanes)[keyof typeof lanes];

/** Kinds that only start other operations and wait for them. */
const parentKinds: readonly string[] = ["reconcile", "offboard"];
/** Kinds that must not wait for other jobs: they take a vendor's access away. */
const urgentKinds: readonly string[] = ["revoke"];
/** Whether operations of this kind may run updates themselves. */
export const hasUpdates = (kind: Operation["kind"]): boolean => !parentKinds.includes(kind) && !urgentKinds.includes(kind);

/** No tenant's name contains a colon. */
const parentMark = "parent:";
const urgentMark = "urgent:";

type Queued = Pick<Operation, "id" | "tenant" | "integration" | "kind"> & { request?: Record<string, unknown> };

/** A reinstatement starts other operations and waits for them. It must not delay a revocation. */
const isReinstatement = ({ kind, request }: Queued): boolean => kind === "revoke" && request?.["to"] === "reinstated";

/** The operation's job. */
export const jobOf = (operation: Queued): Job => ({ operationId: operation.id, key: queueKey(operation) });

/**
 * The key of an operation's job: its integration, else its tenant, else its kind. Previews, revocations and parents have a key of their
 * own: they wait for no other job. A parent waits only for its children.
 */
export function queueKey(operation: Queued): string {
  const { id, tenant, integration, kind } = operation;
  if (parentKinds.includes(kind) || isReinstatement(operation)) return `${parentMark}${kind}/${id}`;
  if (urgentKinds.includes(kind)) return `${urgentMark}${kind}/${id}`;
  if (tenant === undefined) return kind;
  if (kind === "preview") return `${tenant}/preview:${id}`;
  return integration === undefined ? tenant : `${tenant}/${integration}`;
}

/** The tenant in a job's key: the part before the first slash. */
export function groupOf(key: string): string {
  return key.split("/", 1)[0] ?? key;
}

/** The lane of a job with this key. */
export function laneOf(key: string): Lane {
  if (key.startsWith(parentMark)) return lanes.parents;
  return key.startsWith(urgentMark) ? lanes.urgent : lanes.operations;
}
