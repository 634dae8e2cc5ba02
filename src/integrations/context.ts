/** The parts of the service that the verbs use. src/app/compose.ts builds them. */

import type { AwsReach, WriteGates } from "../accounts/clients.ts";
import type { Sts } from "../accounts/sts.ts";
import type { Engine } from "../engine/engine.ts";
import type { Log } from "../log.ts";
import type { Credential, Rights } from "../model/caller.ts";
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
  /** The gates before every direct write into an account. */
  writeGates: WriteGates;
  log: Log;
  ownCredentials: boolean;
  /** seconds; one operation's deadline */
  operationSeconds: number;
  /** The folder with the secrets that sources name. */
  secretsDir: string;
  /** The name of this process in a lease. */
  owner: string;
  now(): string;
  /** What a credential may do today; undefined if it has ended. */
  rightsOf(credential: Credential): Promise<Rights | undefined>;
}
