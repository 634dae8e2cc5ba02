/**
 * Faults for tests, from the environment of the one process (sandbox/README.md): `DRAWBRIDGE_STAND_IN_FAIL` holds
 * `<type token>:<create|read|update|delete>[:<how>]`, several separated by commas.
 */
import { setTimeout as sleep } from "node:timers/promises";

/** `before` and `after` the AWS calls: fail there, or hang there until the process is killed. */
const ways = ["before", "after", "hang-before", "hang-after"] as const;
type Way = (typeof ways)[number];

export type Verb = "create" | "read" | "update" | "delete";

/** Fails or hangs at this moment of this verb when the environment asks for it. */
export async function fault(token: string, verb: Verb, moment: "before" | "after", env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const way = asked(token, verb, env["DRAWBRIDGE_STAND_IN_FAIL"] ?? "");
  if (way === undefined || !way.endsWith(moment)) return;
  if (way.startsWith("hang")) await sleep(3600_000);
  throw new Error(`the test asked that ${verb} of ${token} fails`);
}

function asked(token: string, verb: Verb, faults: string): Way | undefined {
  for (const entry of faults.split(",").map((part) => part.trim())) {
    if (entry === `${token}:${verb}`) return "before";
    const way = ways.find((candidate) => entry === `${token}:${verb}:${candidate}`);
    if (way) return way;
  }
  return undefined;
}
