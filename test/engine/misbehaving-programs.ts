/** The service's programs and one more for tests of runners: a program that misbehaves as its inputs say. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ProgramOutputs } from "../../programs/program.ts";
import { programs as real } from "../../programs/registry.ts";

export type Behaviour = "well" | "slow" | "hang" | "reject" | "throw" | "exit";

/** Does what its inputs say, and makes no resource. */
async function misbehave({ behave }: { behave: Behaviour }): Promise<ProgramOutputs> {
  if (behave === "reject") void Promise.reject(new Error("a stray rejection with a secret in it"));
  if (behave === "throw") throw new Error("thrown with a secret in it");
  if (behave === "exit") process.exit(3);
  if (behave === "hang") await sleep(3_600_000);
  await sleep(behave === "slow" ? 1500 : 300);
  return { behaved: behave };
}

export const programs = { ...real, collector: misbehave };
