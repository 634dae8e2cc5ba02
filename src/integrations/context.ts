/** The parts of the outside world that the verbs work with, given to them by src/app/compose.ts. */

import type { AwsReach, WriteGates } from "../accounts/clients.ts";
import type { Sts } from "../accounts/sts.ts";
import type { Engine } from "../engine/engine.ts";
import type { Log } from "../log.ts";
import type { Queue } from "../operations/queue/queue.ts";
import type { Store } from "../store/store.ts";

/** Where the service keeps its state, and the key that encrypts the secrets in it. */
export interface ServiceResources {
  /** `s3://bucket[/prefix]?query` */
  stateUrl: string;
  /** The url is `awskms://…`; a key that it names by its alias isn't recognised */
  secrets?: { provider: "awskms"; url: string } | { provider: "passphrase" };
}

export interface Context extends ServiceResources {
  store: Store;
  queue: Queue;
  engine: Engine;
  sts: Sts;
  reach: AwsReach;
  /** What stands around direct writes into accounts. */
  writeGates: WriteGates;
  log: Log;
  ownCredentials: boolean;
  /** seconds; one operation's deadline */
  operationSeconds: number;
  /** Where the secrets are that sources name. */
  secretsDir: string;
  /** Who this process is in a lease. */
  owner: string;
  now(): string;
}
