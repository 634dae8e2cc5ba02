/**
 * `npm run test:faults -- <campaign> [--seed S] [--count N] [--minutes M] [--record]` prints one line of JSON per case, then the counts.
 * The same seed gives the same cases. `--record` writes the counts into docs/.
 */
import { parseArgs } from "node:util";
import type { Campaign } from "./campaign.ts";
import { keepCount, writeTable } from "./counts.ts";
import { deletes } from "./deletes.ts";
import { insideCreate } from "./inside-create.ts";
import { kills } from "./kills.ts";
import { leases } from "./leases.ts";
import { pauses } from "./pauses.ts";
import { faultRate } from "./rates.ts";
import { sigterms } from "./sigterm.ts";
import { steals } from "./steals.ts";
import { sweepCampaign } from "./sweep.ts";

const campaigns: Record<string, Campaign> = {
  leases,
  steals,
  sweep: sweepCampaign,
  "inside-create": insideCreate,
  sigterm: sigterms,
  kills,
  deletes,
  pause: pauses,
  faults: faultRate,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    count: { type: "string" },
    minutes: { type: "string" },
    record: { type: "boolean", default: false },
    shard: { type: "string" },
    kind: { type: "string" },
    skip: { type: "string" },
    cells: { type: "string" },
    rate: { type: "string" },
  },
});

async function run(name: string, campaign: Campaign): Promise<void> {
  const { record, ...given } = values;
  const seed = Number(given.seed);
  const words = Object.entries(given).flatMap(([option, value]) => (typeof value === "string" ? [`--${option} ${value}`] : []));
  const command = ["npm run test:faults --", name, ...words].join(" ");
  console.log(command);
  const counted = await campaign.run({
    seed,
    given,
    count: Number(given.count ?? campaign.usual),
    within: given.minutes === undefined ? Infinity : Number(given.minutes) * 60_000,
    tell: (one) => console.log(JSON.stringify(one)),
  });
  const { wrong, ...rest } = counted;
  console.log(JSON.stringify({ what: campaign.what, command, ...rest, wrong: wrong.length }));
  for (const line of wrong) console.log(line);
  if (record) await keepCount({ what: campaign.what, command, ...rest, wrong: wrong.length });
  process.exitCode = wrong.length > 0 || counted.cases === 0 ? 1 : 0;
}

const [name = "sweep"] = positionals;
const campaign = campaigns[name];
if (name === "table") await writeTable();
else if (campaign) await run(name, campaign);
else throw new Error(`There is no campaign ${name}: ${Object.keys(campaigns).join(", ")}, table.`);
