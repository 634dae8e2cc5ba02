/**
 * Injected faults at a rate: any call to AWS or the state bucket may be slow, refused, or lose its reply. Every operation must end, with a
 * true result.
 */
import type { Campaign } from "./campaign.ts";
import { checkQuiet, look } from "./invariants.ts";
import { createMix, type Member } from "./mix.ts";
import type { Call, Fault } from "./proxy.ts";
import { pick, seeded } from "./random.ts";
import { type Rig, startRig } from "./rig.ts";

/** Seconds. With faults at 20 %, the retries of a call take minutes at worst; the operation's deadline ends them. */
const LIMIT = 300;
const tenants = 10;
/** How many operations run at the same time */
const together = 5;

export const faultRate: Campaign = {
  what: "operations of a mixed load with faults injected into S3 and AWS at a rate (`--rate`, percent of all calls)",
  usual: 300,
  async run({ count, seed, within, given, tell }) {
    const rate = Number(given["rate"] ?? 5) / 100;
    const rig = await startRig({ DRAWBRIDGE_RUNNERS: String(together) });
    const random = seeded(seed);
    const begun = Date.now();
    const wrong: string[] = [];
    const total = { cases: 0, succeeded: 0, injected: 0, slowest: 0 };
    try {
      const mix = await createMix(rig, random, tenants);
      const idle = [...mix.members];
      rig.proxy.reset((call) => faultFor(call, random, rate, () => (total.injected += 1)));
      const worker = async () => {
        while (total.cases < count && Date.now() - begun < within) {
          total.cases += 1;
          const number = total.cases;
          const member = idle.splice(Math.floor(random() * idle.length), 1)[0] as Member;
          const outcome = await runOne(rig, () => mix.start(member), mix.check).catch((error: Error) => failed(error));
          idle.push(member);
          tell({ number, ...member, ...outcome });
          if (outcome.state === "succeeded") total.succeeded += 1;
          total.slowest = Math.max(total.slowest, outcome.seconds);
          wrong.push(...outcome.wrong.map((what) => `operation ${number}: ${what}`));
        }
      };
      await Promise.all(Array.from({ length: together }, worker));
      rig.proxy.reset();
      wrong.push(...(await checkQuiet(rig, await look(rig))), ...(await mix.clear(LIMIT)));
    } finally {
      await rig.stop();
    }
    const { cases, slowest } = total;
    return { cases, wrong, slowest, note: `${total.succeeded} succeeded; ${total.injected} faults injected` };
  },
};

const failed = (error: Error) => ({ state: "broken", seconds: 0, code: undefined, wrong: [`the harness: ${error.message}`] });

type Mixed = Awaited<ReturnType<typeof createMix>>;

async function runOne(rig: Rig, start: () => ReturnType<Mixed["start"]>, check: Mixed["check"]) {
  const begun = Date.now();
  const started = await start();
  const ended = await rig.finished(started.operation.id, LIMIT);
  const seconds = (Date.now() - begun) / 1000;
  const wrong = await check(started, ended);
  if (ended.state !== "succeeded" && ended.error === undefined) wrong.push(`it ended ${ended.state} without saying why`);
  return { kind: ended.kind, state: ended.state, code: ended.error?.code, seconds, wrong };
}

/** Half of the faults are refusals of the service, half are network faults. Pure except for `random`. */
export function faultFor(call: Call, random: () => number, rate: number, count: () => void): Fault | undefined {
  if (random() >= rate) return undefined;
  count();
  const throttle = call.service === "s3" ? { status: 503, code: "SlowDown" } : { status: 400, code: "Throttling" };
  return pick<Fault>(random, [
    { do: "answer", status: 500, code: "InternalFailure" },
    { do: "answer", status: 503, code: call.service === "s3" ? "SlowDown" : "ServiceUnavailable" },
    { do: "answer", ...throttle },
    { do: "drop", when: "before" },
    { do: "drop", when: "after" },
    { do: "delay", milliseconds: 700 },
  ]);
}
