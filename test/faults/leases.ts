/** Contended leases: several processes request the same lease at once. The database counts the winners, not the processes. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import pg from "pg";
import type { Campaign } from "./campaign.ts";
import { openDatabase } from "./database.ts";
import type { Answers } from "./lease-contender.ts";

/** Requests at the same time in each process, so that the 60 connections of a test server are enough for eight processes. */
const together = 5;
const file = new URL("./lease-contender.ts", import.meta.url);

/** `count` leases. `processes` processes request each one at the same time, and exactly one may get it. */
export const leases: Campaign = {
  what: "contended lease acquires, each wanted by 8 processes at once on one PostgreSQL",
  usual: 10_000,
  async run({ count }) {
    const { wrong, lost, slowest } = await contend(count, 8);
    return { cases: count, wrong, slowest: slowest / 1000, note: `${lost} refusals; the slowest answer of all, refusals and wins` };
  },
};

/** Runs the contention. Returns what is wrong, how many requests were refused, and the slowest answer in milliseconds. */
export async function contend(count: number, processes: number): Promise<{ wrong: string[]; lost: number; slowest: number }> {
  const database = await openDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const children: ChildProcess[] = [];
  try {
    await client.query("create table winners (resource text, pid integer, epoch bigint)");
    for (let index = 0; index < processes; index++) children.push(fork(file, [database.url], { execArgv: [] }));
    await Promise.all(children.map((child) => once(child, "message")));
    let lost = 0;
    let slowest = 0;
    for (let first = 0; first < count; first += together) {
      const resources = Array.from({ length: Math.min(together, count - first) }, (_, index) => `contended:${first + index}`);
      for (const answers of await round(children, resources)) {
        lost += answers.lost;
        slowest = Math.max(slowest, answers.slowest);
      }
    }
    const { rows: unfair } = await client.query<{ resource: string; n: string }>(
      "select resource, count(*) as n from winners group by resource having count(*) <> 1",
    );
    const { rows: all } = await client.query<{ n: string }>("select count(distinct resource) as n from winners");
    const { rows: left } = await client.query<{ resource: string }>("select resource from leases");
    const wrong = unfair.map(({ resource, n }) => `${resource} was won ${n} times`);
    if (Number(all[0]?.n) !== count) wrong.push(`${count - Number(all[0]?.n)} leases were won by nobody`);
    wrong.push(...left.map(({ resource }) => `the lease on ${resource} is left`));
    return { wrong, lost, slowest };
  } finally {
    for (const child of children) if (child.connected) child.send("end");
    await Promise.all(children.map((child) => child.exitCode ?? once(child, "exit")));
    await client.end();
    await database.remove();
  }
}

/** All processes request the same leases at once. None releases a lease before all have an answer. */
async function round(children: ChildProcess[], resources: string[]): Promise<Answers[]> {
  const answers = await tellAll<Answers>(children, resources);
  await tellAll(children, "release");
  return answers;
}

async function tellAll<T>(children: ChildProcess[], message: string[] | string): Promise<T[]> {
  const answers = children.map((child) => once(child, "message"));
  for (const child of children) child.send(message);
  return (await Promise.all(answers)).map(([answer]) => answer as T);
}
