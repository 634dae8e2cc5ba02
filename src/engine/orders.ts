/** Turns a request into runs: usually one, two if a resource is taken into state first. */

import { kindFacts } from "../../stacks/kind-facts.ts";
import { cliSpansFile } from "./cli-spans.ts";
import { credentialsText } from "./credentials-file.ts";
import type { StackState, UpdateRequest, UpdateResult } from "./engine.ts";
import type { EngineConfig } from "./engine-config.ts";
import { cliEnvironment } from "./environment.ts";
import type { RunOrder } from "./runner/runner-protocol.ts";
import { stackSettings } from "./stack-settings.ts";
import { withStateProfile } from "./state/backend-url.ts";
import type { Checkpoint } from "./state/checkpoint.ts";
import { makeWorkFolder } from "./work-folder.ts";

export interface Workplace {
  /** The update's own folder */
  folder: string;
  /** Value of `DRAWBRIDGE_OPERATION` */
  mark: string;
  host: Record<string, string | undefined>;
}

/** Writes everything that an update needs into its folder. The credentials are in a file there and nowhere else. */
export async function layOut(
  config: EngineConfig,
  request: UpdateRequest,
  checkpoint: Checkpoint | undefined,
  { folder, mark, host }: Workplace,
): Promise<RunOrder> {
  const { action, spec, address, target } = request;
  await makeWorkFolder(folder, {
    stack: address.stack,
    settings: await stackSettings(config.secrets, checkpoint),
    credentials: credentialsText(request.state.credentials, target.credentials),
  });
  const environment = cliEnvironment(host, {
    folder,
    pulumiHome: config.pulumiHome,
    backendUrl: withStateProfile(address.backendUrl),
    mark,
    ...(config.secrets.provider === "passphrase" ? { passphrase: config.secrets.passphrase } : {}),
    ...(config.awsEndpoint ? { awsEndpoint: config.awsEndpoint } : {}),
    ...(config.extraEnvironment ? { extra: config.extraEnvironment } : {}),
    skipCheckpoints: kindFacts[spec.kind].foundAgain,
    ignoreProtect: action === "destroy",
    ...(config.onSpans && { spansFile: cliSpansFile(folder) }),
  });
  const place = { accountId: target.accountId, region: target.region, pathStyle: config.awsEndpoint !== undefined };
  const refresh = request.refresh ?? false;
  return { action, spec, stack: address.stack, folder, environment, place, refresh, message: request.operationId };
}

/** The resources to take into state: those that the request found after a crash, and a retained key that isn't in state yet. */
function adoptions({ spec, adopt }: UpdateRequest, state: StackState | undefined): Record<string, string> {
  const key = "adoptKeyId" in spec.inputs ? spec.inputs.adoptKeyId : undefined;
  const held = new Set(state?.resources.map(({ name }) => name));
  const wanted = Object.entries({ ...(key === undefined ? {} : { key }), ...adopt });
  return Object.fromEntries(wanted.filter(([name]) => !held.has(name)));
}

/**
 * The runs in order. If resources must be taken in, a separate run does that first (programs/adoption.ts). That is also true before a
 * destroy, which can't delete what isn't in state. Then a refresh drops the creates that an interrupted run left as pending, because the
 * CLI itself never forgets them. By then they are in state, or the main run repeats them.
 */
export function runsFor(order: RunOrder, request: UpdateRequest, state: StackState | undefined): RunOrder[] {
  const adopt = adoptions(request, state);
  const place = { ...order.place, adopt };
  const adopts = Object.keys(adopt).length > 0;
  if (order.action === "preview") return [adopts ? { ...order, place } : order];
  const runs = [order];
  const isPending = state?.pendingOperations.some(({ operation }) => operation === "creating");
  if (isPending) runs.unshift({ ...order, action: "refresh", clearPendingCreates: true });
  const adoptsFirst = adopts && (order.action === "up" || request.adopt !== undefined);
  if (adoptsFirst) runs.unshift({ ...order, action: "up", refresh: false, place });
  return runs;
}

/** Combines the results of several runs: the outputs and counts of the last one, the steps of all. */
export function together(results: UpdateResult[]): UpdateResult {
  const last = results.at(-1);
  return {
    outputs: last?.outputs ?? {},
    changes: last?.changes ?? {},
    steps: results.flatMap(({ steps }) => steps),
    duration: results.reduce((sum, { duration }) => sum + duration, 0),
  };
}
