/** The verb that each kind of operation runs. The request was frozen at acceptance, so it has the shape that the accepting code wrote. */

import { detectDrift } from "../drift/detect-drift.ts";
import { reconcile } from "../gitops/reconcile.ts";
import { adopt } from "../integrations/adopt.ts";
import type { Context } from "../integrations/context.ts";
import { destroy } from "../integrations/destroy.ts";
import { preview } from "../integrations/preview.ts";
import { verify } from "../integrations/proving.ts";
import { runDeleteKey } from "../integrations/stacks/keys.ts";
import { up } from "../integrations/up.ts";
import type { Run } from "../operations/run.ts";
import type { StoredOperation } from "../store/operations.ts";
import { offboard } from "../tenants/offboard.ts";
import { runRevoke } from "../vendors/revoke-vendor.ts";

type Verb = (context: Context, run: Run, request: never) => Promise<void>;

const verbs: Partial<Record<StoredOperation["kind"], Verb>> = {
  up,
  adopt,
  destroy,
  preview,
  "delete-key": runDeleteKey,
  rotate: up,
  verify,
  reconcile,
  "detect-drift": detectDrift,
  offboard,
  revoke: runRevoke,
};

/** Runs an accepted operation to its end. The operation fails with what the verb throws. */
export async function runVerb(context: Context, run: Run, operation: StoredOperation): Promise<void> {
  const verb = verbs[operation.kind];
  if (!verb) throw new Error(`no verb for operations of kind ${operation.kind}`);
  await verb(context, run, operation.request as never);
}
