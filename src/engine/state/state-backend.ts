/** One stack in Pulumi's S3 backend: its checkpoint and its locks, without a CLI process. */
import type { StackAddress } from "../../../stacks/stack.ts";
import { ProblemError } from "../../problem.ts";
import type { Credentials } from "../engine.ts";
import { statePlace } from "./backend-url.ts";
import { openBucket } from "./bucket.ts";
import { type Checkpoint, emptyCheckpoint, isCheckpoint, parseCheckpoint } from "./checkpoint.ts";
import { parseLock, type StateLock } from "./lock.ts";

export interface StateBackend {
  hasState(): Promise<boolean>;
  /** Undefined if there is no such stack. @throws `state_damaged` when the state isn't a valid checkpoint */
  readCheckpoint(): Promise<Checkpoint | undefined>;
  /** If the state is missing or damaged, puts back the newest version that is a valid checkpoint. Returns false if the bucket has none. */
  restoreCheckpoint(): Promise<boolean>;
  /** Makes the stack, empty, unless it exists. Returns whether this call made it. */
  createStack(): Promise<boolean>;
  listLocks(): Promise<StateLock[]>;
  /** Removes one lock by its exact key. Call it only if its owner is known to be dead. */
  removeLock(key: string): Promise<void>;
  /**
   * Deletes the state, its backup copy and its history.
   *
   * @throws `leftovers` while state holds resources that a destroy would delete, unless `withResources`
   */
  removeStack(options?: { withResources: boolean }): Promise<void>;
  close(): void;
}

/** The object keys of one stack in the project layout (pulumi/pulumi pkg/backend/diy, `meta.yaml` version 1). */
function keysOf(prefix: string, { project, stack }: StackAddress) {
  const root = `${prefix ? `${prefix}/` : ""}.pulumi`;
  const tail = `${project}/${stack}`;
  return {
    meta: `${root}/meta.yaml`,
    state: `${root}/stacks/${tail}.json`,
    backup: `${root}/stacks/${tail}.json.bak`,
    history: `${root}/history/${tail}/`,
    locks: `${root}/locks/organization/${tail}/`,
  };
}

/** Opens one stack's state. `credentials` are those of the `state` profile. */
export function openState(address: StackAddress, credentials: Credentials): StateBackend {
  const place = statePlace(address.backendUrl);
  const keys = keysOf(place.prefix, address);
  const bucket = openBucket(place, credentials);

  const readCheckpoint = async () => {
    const text = await bucket.read(keys.state);
    return text === undefined ? undefined : parseCheckpoint(text);
  };

  return {
    readCheckpoint,
    hasState: async () => (await bucket.read(keys.state)) !== undefined,
    async restoreCheckpoint() {
      for (const version of await bucket.versions(keys.state)) {
        const text = await bucket.read(keys.state, version);
        if (text === undefined || !isCheckpoint(text)) continue;
        await bucket.overwrite(keys.state, text);
        return true;
      }
      return false;
    },
    async createStack() {
      // Without the layout's version file, the CLI would take a prefix that holds stacks for the legacy layout, which is refused.
      await bucket.create(keys.meta, "version: 1\n");
      return bucket.create(keys.state, emptyCheckpoint(address));
    },
    async listLocks() {
      const found = await bucket.list(keys.locks);
      const texts = await Promise.all(found.map(async (key) => ({ key, text: await bucket.read(key) })));
      return texts.flatMap(({ key, text }) => (text === undefined ? [] : [parseLock(key, text)]));
    },
    async removeLock(key) {
      if (!key.startsWith(keys.locks)) throw new ProblemError("internal", "That lock belongs to another stack.");
      await bucket.remove(key);
    },
    async removeStack({ withResources } = { withResources: false }) {
      const resources = (await readCheckpoint())?.resources ?? [];
      const left = resources.filter(({ type, retained }) => !type.startsWith("pulumi:") && !retained).length;
      if (left > 0 && !withResources)
        throw new ProblemError("leftovers", `The stack's state still holds ${left} resources. Destroy it first.`);
      await bucket.removeAll([...(await bucket.list(keys.history)), keys.backup, keys.state]);
    },
    close: () => bucket.close(),
  };
}
