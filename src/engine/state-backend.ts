/** Direct reads, and the few direct writes, of Pulumi's S3 state: checkpoints and locks without a CLI process. */
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import type { StackAddress } from "../../stacks/stack.ts";
import { ProblemError } from "../problem.ts";
import { statePlace } from "./backend-url.ts";
import type { Credentials, StackState } from "./engine.ts";

/** What one stack's state says, and the key its secrets are under, which only the CLI needs. */
export interface Checkpoint extends StackState {
  secrets?: { type: string; state: Record<string, unknown> };
}

/** One of Pulumi's lock objects. It has no expiry: whoever wrote it may be long dead. */
export interface StateLock {
  key: string;
  pid: number;
  hostname: string;
  /** RFC 3339 */
  at: string;
}

export interface StateBackend {
  hasState(): Promise<boolean>;
  /** Undefined when there is no such stack. @throws `state_damaged` for one that can't be read as a checkpoint */
  readCheckpoint(): Promise<Checkpoint | undefined>;
  /**
   * Puts the newest version that reads as a checkpoint back in place of a state that is missing or damaged. False when the
   * bucket keeps none.
   */
  restoreCheckpoint(): Promise<boolean>;
  /** Makes the stack, empty, unless it is there. True when this call made it. */
  createStack(): Promise<boolean>;
  listLocks(): Promise<StateLock[]>;
  /** Removes one lock by its exact key; only for an owner that is known to be dead. */
  removeLock(key: string): Promise<void>;
  /**
   * Deletes state, its backup copy and its history. @throws `leftovers` while state holds resources that a destroy would delete, unless
   * `withResources`
   */
  removeStack(options?: { withResources: boolean }): Promise<void>;
  close(): void;
}

const statusOf = (error: unknown) => (error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined);

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
 * @throws `state_damaged` when it is something else: a truncated state must never pass for an empty one.
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

/** Whether a text reads as a checkpoint. */
function isCheckpoint(text: string): boolean {
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

/** The object keys of one stack in the project layout (pulumi/pulumi pkg/backend/diy, `meta.yaml` version 1). */
function keysOf(address: StackAddress) {
  const { prefix } = statePlace(address.backendUrl);
  const root = `${prefix ? `${prefix}/` : ""}.pulumi`;
  const tail = `${address.project}/${address.stack}`;
  return {
    meta: `${root}/meta.yaml`,
    state: `${root}/stacks/${tail}.json`,
    backup: `${root}/stacks/${tail}.json.bak`,
    history: `${root}/history/${tail}/`,
    locks: `${root}/locks/organization/${tail}/`,
  };
}

/** Opens one stack's state for reading. `credentials` are those of the `state` profile. */
export function openState(address: StackAddress, credentials: Credentials): StateBackend {
  const place = statePlace(address.backendUrl);
  const keys = keysOf(address);
  const Bucket = place.bucket;
  const s3 = new S3Client({
    region: place.region,
    credentials,
    forcePathStyle: place.pathStyle,
    ...(place.endpoint ? { endpoint: place.endpoint } : {}),
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });

  async function read(key: string, version?: string): Promise<string | undefined> {
    try {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: key, VersionId: version }));
      return await Body?.transformToString();
    } catch (error) {
      if (error instanceof S3ServiceException && error.name === "NoSuchKey") return undefined;
      // To a session that may list its own prefix only, S3 answers 403 for a key that isn't there (GetObject, "Permissions").
      if (statusOf(error) === 403 && version === undefined && !(await list(key)).includes(key)) return undefined;
      throw unreadable(error);
    }
  }
  async function create(key: string, body: string): Promise<boolean> {
    try {
      await s3.send(new PutObjectCommand({ Bucket, Key: key, Body: body, IfNoneMatch: "*" }));
      return true;
    } catch (error) {
      if (statusOf(error) === 412 || statusOf(error) === 409) return false;
      throw unreadable(error);
    }
  }
  async function list(prefix: string): Promise<string[]> {
    const found: string[] = [];
    let token: string | undefined;
    do {
      const page = await s3
        .send(new ListObjectsV2Command({ Bucket, Prefix: prefix, ...(token ? { ContinuationToken: token } : {}) }))
        .catch((error: unknown) => {
          throw unreadable(error);
        });
      for (const { Key } of page.Contents ?? []) if (Key) found.push(Key);
      token = page.NextContinuationToken;
    } while (token);
    return found;
  }
  const readCheckpoint = async () => {
    const text = await read(keys.state);
    return text === undefined ? undefined : parseCheckpoint(text);
  };
  /** Newest first, as S3 lists them (S3 API reference, "ListObjectVersions"). */
  async function versions(key: string): Promise<string[]> {
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: key })).catch((error: unknown) => {
      throw unreadable(error);
    });
    return Versions.flatMap(({ Key, VersionId }) => (Key === key && VersionId !== undefined ? [VersionId] : []));
  }
  async function restoreCheckpoint(): Promise<boolean> {
    for (const version of await versions(keys.state)) {
      const text = await read(keys.state, version);
      if (text === undefined || !isCheckpoint(text)) continue;
      await s3.send(new PutObjectCommand({ Bucket, Key: keys.state, Body: text })).catch((error: unknown) => {
        throw unreadable(error);
      });
      return true;
    }
    return false;
  }

  return {
    readCheckpoint,
    restoreCheckpoint,
    hasState: async () => (await read(keys.state)) !== undefined,
    async createStack() {
      // Without the layout's version file the CLI takes a prefix that holds stacks for the refused legacy layout.
      await create(keys.meta, "version: 1\n");
      return create(keys.state, emptyCheckpoint(address));
    },
    async listLocks() {
      const locks = await Promise.all((await list(keys.locks)).map(async (key) => parseLock(key, await read(key))));
      return locks.filter((lock) => lock !== undefined);
    },
    async removeLock(key) {
      if (!key.startsWith(keys.locks)) throw new ProblemError("internal", "That lock belongs to another stack.");
      await s3.send(new DeleteObjectCommand({ Bucket, Key: key }));
    },
    async removeStack({ withResources } = { withResources: false }) {
      const resources = (await readCheckpoint())?.resources ?? [];
      const left = resources.filter(({ type, retained }) => !type.startsWith("pulumi:") && !retained).length;
      if (left > 0 && !withResources)
        throw new ProblemError("leftovers", `The stack's state still holds ${left} resources. Destroy it first.`);
      const doomed = [...(await list(keys.history)), keys.backup, keys.state];
      for (let at = 0; at < doomed.length; at += 1000) {
        const Objects = doomed.slice(at, at + 1000).map((Key) => ({ Key }));
        await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
      }
    },
    close: () => s3.destroy(),
  };
}

function parseLock(key: string, text: string | undefined): StateLock | undefined {
  if (text === undefined) return undefined;
  const { pid, hostname, timestamp } = JSON.parse(text) as { pid?: number; hostname?: string; timestamp?: string };
  return { key, pid: pid ?? 0, hostname: hostname ?? "", at: timestamp ?? "" };
}

function unreadable(error: unknown): ProblemError {
  const cause = error instanceof Error ? error.name : "unknown";
  return new ProblemError("not_ready", "The state bucket can't be read or written. Check its name, region and the service's rights.", {
    cause,
  });
}
