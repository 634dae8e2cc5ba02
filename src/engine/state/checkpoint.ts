/** Pulumi's text format of one stack's state: reads and writes it. Pure. */
import type { StackAddress } from "../../../stacks/stack.ts";
import { ProblemError } from "../../problem.ts";
import type { StackState } from "../engine.ts";

/** One stack's state, with the settings of its secrets' key, which only the CLI needs. */
export interface Checkpoint extends StackState {
  secrets?: { type: string; state: Record<string, unknown> };
}

interface RawCheckpoint {
  checkpoint?: { latest?: RawDeployment | null };
}
interface RawDeployment {
  resources?: { urn: string; type: string; id?: string; retainOnDelete?: boolean }[];
  pending_operations?: { type: string; resource: { urn: string; type: string; inputs?: { name?: unknown } } }[];
  secrets_providers?: { type: string; state?: Record<string, unknown> };
}

/** `urn:pulumi:<stack>::<project>::<types>::<name>` */
const logicalName = (urn: string) => urn.split("::").slice(3).join("::");

/**
 * Reads the text of a state object (pulumi/pulumi sdk/go/common/apitype, CheckpointV3 in a VersionedCheckpoint).
 *
 * @throws `state_damaged` when it is anything else: a truncated state must never pass for an empty one
 */
export function parseCheckpoint(text: string): Checkpoint {
  let raw: RawCheckpoint;
  try {
    raw = JSON.parse(text) as RawCheckpoint;
  } catch {
    raw = {};
  }
  if (typeof raw?.checkpoint !== "object" || raw.checkpoint === null)
    throw new ProblemError("state_damaged", "The stack's state in the bucket isn't a Pulumi checkpoint. Restore its last good version.");
  const latest = raw.checkpoint.latest ?? {};
  const secrets = latest.secrets_providers;
  return {
    resources: (latest.resources ?? []).map(({ urn, type, id, retainOnDelete }) => ({
      name: logicalName(urn),
      type,
      ...(id === undefined ? {} : { id }),
      ...(retainOnDelete ? { retained: true } : {}),
    })),
    pendingOperations: (latest.pending_operations ?? []).map(({ type, resource }) => ({
      name: logicalName(resource.urn),
      type: resource.type,
      operation: type,
      ...(typeof resource.inputs?.name === "string" ? { physicalName: resource.inputs.name } : {}),
    })),
    ...(secrets ? { secrets: { type: secrets.type, state: secrets.state ?? {} } } : {}),
  };
}

/** Whether a text is a valid checkpoint. */
export function isCheckpoint(text: string): boolean {
  try {
    parseCheckpoint(text);
    return true;
  } catch {
    return false;
  }
}

/** The checkpoint of a stack that has never been updated. */
export function emptyCheckpoint(address: StackAddress): string {
  const latest = { manifest: { time: "0001-01-01T00:00:00Z", magic: "", version: "" }, metadata: {} };
  return JSON.stringify({ version: 3, checkpoint: { stack: `organization/${address.project}/${address.stack}`, latest } });
}
