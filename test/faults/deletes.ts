/**
 * Induced delete failures: a teardown's call is refused, lost, or gets a false answer. No record may say `gone` while something is left.
 */
import type { Campaign } from "./campaign.ts";
import { checkEmpty, checkEnded, checkForeign, checkNoStatements, checkQuiet, look } from "./invariants.ts";
import { readStatements } from "./inventory.ts";
import type { Fault } from "./proxy.ts";
import { pick, seeded } from "./random.ts";
import { isThere, oneRole, putIntegration, sharedBucket, startDestroy, threeStacks } from "./requests.ts";
import { type Rig, startRig } from "./rig.ts";

/** Seconds. Refusals that may pass are retried for minutes; the operation's deadline ends them. */
const LIMIT = 300;
/** How many failures one integration gets, one teardown after the other, before a teardown may succeed */
const perIntegration = 5;

/** The calls that remove something. For a bucket's policy that is a PUT or a DELETE. */
const roleCalls = ["DeleteRole", "DeleteRolePolicy", "UpdateAssumeRolePolicy", "PutRolePolicy"];
const otherCalls = ["DeleteAlias", "TagResource", "PUT policy", "DELETE checkpoint", "DELETE lock"];

const faults: (Fault & { called: string })[] = [
  { called: "AccessDenied", do: "answer", status: 403, code: "AccessDenied" },
  { called: "DeleteConflict", do: "answer", status: 409, code: "DeleteConflict" },
  { called: "500", do: "answer", status: 500, code: "InternalFailure" },
  { called: "503", do: "answer", status: 503, code: "ServiceUnavailable" },
  { called: "reply lost", do: "drop", when: "after" },
  { called: "call lost", do: "drop", when: "before" },
  { called: "a lie", do: "pretend" },
];

export const deletes: Campaign = {
  what: "induced failures of a teardown: refused, lost, or answered without being done",
  usual: 60,
  async run({ count, seed, within, tell }) {
    const rig = await startRig();
    const random = seeded(seed);
    const begun = Date.now();
    const wrong: string[] = [];
    const total = { cases: 0, slowest: 0, hit: 0, failed: 0 };
    try {
      await rig.tenant("acme");
      for (let index = 0; total.cases < count && Date.now() - begun < within; index++) {
        const failures = Math.min(perIntegration, count - total.cases);
        for (const outcome of await wearDown(rig, { index, random, failures, tell })) {
          total.cases += 1;
          total.hit += outcome.hits > 0 ? 1 : 0;
          total.failed += outcome.state === "failed" ? 1 : 0;
          total.slowest = Math.max(total.slowest, outcome.seconds);
          wrong.push(...outcome.wrong.map((what) => `${outcome.name} ${outcome.call} ${outcome.fault}: ${what}`));
        }
      }
    } finally {
      await rig.stop();
    }
    return {
      cases: total.cases,
      wrong,
      slowest: total.slowest,
      note: `${total.hit} hit a call; ${total.failed} ended as failed, the others succeeded after a retry`,
    };
  },
};

interface WearDown {
  index: number;
  random: () => number;
  failures: number;
  tell(outcome: object): void;
}

/** Makes an integration, tears it down with one failure after the other, and finally without any. */
async function wearDown(rig: Rig, { index, random, failures, tell }: WearDown) {
  const large = index % 3 === 2;
  const name = `worn-${index}`;
  const has = { roles: 1, keys: large ? 1 : 0 };
  const { foreign } = await readStatements(rig.aws, sharedBucket(rig));
  rig.proxy.reset();
  const make = async () => {
    const id = `id-of-${name}-${Math.floor(random() * 1e9).toString(36)}`;
    const operation = await putIntegration(rig, "acme", name, large ? threeStacks(rig, id) : oneRole(rig, name, id));
    const made = await rig.finished(operation.id, LIMIT);
    if (made.state !== "succeeded") throw new Error(`${name} couldn't be made: ${JSON.stringify(made.error)}`);
  };
  const outcomes = [];
  for (let failure = 0; failure < failures; failure++) {
    if (!(await isThere(rig, "acme", name))) await make();
    const call = pick(random, large ? [...roleCalls, ...otherCalls] : roleCalls);
    const { called, ...fault } = pick(random, faults);
    const always = random() < 0.7;
    let hits = 0;
    rig.proxy.reset((one) => {
      if (!matches(call, one.name) || (hits > 0 && !always)) return undefined;
      hits += 1;
      return fault;
    });
    const started = Date.now();
    const operation = await startDestroy(rig, "acme", name);
    const ended = await rig.finished(operation.id, LIMIT);
    const seconds = (Date.now() - started) / 1000;
    rig.proxy.reset();
    const sight = await look(rig, "acme");
    const wrong = await checkEnded(rig, sight, { tenant: "acme", name, operation: ended, has });
    wrong.push(...(await checkForeign(rig, sharedBucket(rig), foreign)));
    const gone = !(await isThere(rig, "acme", name));
    if (gone) wrong.push(...(await checkEmpty(rig, sight, { tenant: "acme", name })), ...(await checkNoStatements(rig, sharedBucket(rig))));
    if (gone !== (ended.state === "succeeded")) wrong.push(`it ended ${ended.state}, and its record is ${gone ? "" : "not "}gone`);
    const outcome = { name, call, fault: called, always, hits, state: ended.state, code: ended.error?.code, seconds, wrong };
    tell(outcome);
    outcomes.push(outcome);
  }
  const last = outcomes.at(-1);
  if (await isThere(rig, "acme", name)) {
    const ended = await rig.finished((await startDestroy(rig, "acme", name)).id, LIMIT);
    if (ended.state !== "succeeded") last?.wrong.push(`without faults it still ended ${ended.state}: ${JSON.stringify(ended.error)}`);
  }
  const sight = await look(rig, "acme");
  last?.wrong.push(...(await checkEmpty(rig, sight, { tenant: "acme", name })), ...(await checkQuiet(rig, sight)));
  return outcomes;
}

function matches(call: string, name: string): boolean {
  if (call === "PUT policy") return /^(PUT|DELETE) .*[?&]policy/.test(name);
  if (call === "DELETE checkpoint") return /^(DELETE|POST) .*(\/\.pulumi\/stacks\/|[?&]delete)/.test(name);
  if (call === "DELETE lock") return /^DELETE .*\/\.pulumi\/locks\//.test(name);
  return call === name;
}
