/**
 * What abuse does to others, against the same traffic without it: 2,000 slow sockets and the answers' p99; one tenant's 10,000 PUTs and
 * how long other tenants' integrations take.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Api, createApi } from "../sandbox/api.ts";
import type { Operation } from "../src/model/operation.ts";
import { type Arena, openArena } from "./arena.ts";
import { conductorOne, named, requestOf } from "./integration.ts";
import { type LoadResult, load } from "./load.ts";
import { compare, type Result } from "./result.ts";
import { percentile } from "./statistics.ts";

const sockets = 2_000;
const flood = 10_000;
const calmTenants = 4;
const putsEach = 2;

/** The sockets' own requests must not be spared by a limit; the flood meets the usual ones. */
const unlimited = { DRAWBRIDGE_WRITES_PER_MINUTE: "1000000", DRAWBRIDGE_REQUESTS_PER_MINUTE: "1000000" };

async function openSlowSockets(url: string, token: string): Promise<() => Promise<void>> {
  const child = fork(path.join(import.meta.dirname, "slow-sockets.ts"), [new URL(url).port, String(sockets), token], { silent: true });
  if (!child.stdout) throw new Error("the slow sockets' output isn't piped");
  await once(child.stdout, "data");
  return async () => {
    const ended = once(child, "exit");
    child.kill();
    await ended;
  };
}

export async function runSlowSockets(): Promise<Result[]> {
  const arena = await openArena({ environment: unlimited });
  try {
    const { url, token } = arena.service;
    const headers = { authorization: `Bearer ${token}` };
    const shot = () => ({ method: "GET", path: "/v1/tenants/acme", headers, status: 200 }) as const;
    const measure = () => load(url, { connections: 4, seconds: 5, shot });
    const calm: LoadResult[] = [];
    const abused: LoadResult[] = [];
    await load(url, { connections: 4, seconds: 1, shot });
    for (let round = 0; round < 4; round++) {
      calm.push(await measure());
      const end = await openSlowSockets(url, token);
      abused.push(await measure());
      await end();
      await sleep(500);
    }
    const pair = (what: keyof LoadResult) => ({ ours: abused.map((one) => one[what]), baseline: calm.map((one) => one[what]) });
    const against = "the same without them";
    const title = `GET beside ${sockets.toLocaleString("en")} slow sockets`;
    return [
      compare({
        name: "abuse.sockets.p99",
        title: `${title}: p99`,
        unit: "ms",
        against,
        target: { of: "ratio", atMost: 2 },
        ...pair("p99"),
      }),
      compare({ name: "abuse.sockets.rate", title, unit: "/s", against, ...pair("perSecond") }),
    ];
  } finally {
    await arena.stop();
  }
}

async function keyOf(arena: Arena, tenant: string): Promise<string> {
  await arena.tenant(tenant);
  const body = { subject: `${tenant}-ci`, tenants: [tenant], scopes: ["read", "write", "destroy"] };
  const made = await arena.api.call<{ key: string }>("POST", "/v1/keys", { body });
  return made.body.key;
}

/** Sends until the service answers: a client beside a flood has patience. */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
}

/** Milliseconds from a PUT to its success. */
async function waitOf({ call }: Api, path: string, body: object): Promise<number> {
  const from = performance.now();
  const accepted = await insist(() => call<{ operation: Operation }>("PUT", path, { body }));
  if (accepted.status !== 202) throw new Error(`PUT ${path}: ${accepted.status}`);
  for (;;) {
    const { body: operation } = await insist(() => call<Operation>("GET", `/v1/operations/${accepted.body.operation.id}`));
    if (operation.state === "succeeded") return performance.now() - from;
    if (operation.state === "failed" || operation.state === "cancelled") throw new Error(`PUT ${path} ended as ${operation.state}`);
    await sleep(200);
  }
}

/** Of every tenant's integrations, sent one after the other per tenant. */
async function waits(callers: Api[], batch: string): Promise<number[]> {
  const taken: number[] = [];
  const one = async (api: Api, tenant: number) => {
    for (let n = 0; n < putsEach; n++) {
      const name = `calm-${tenant}-${batch}-${n}`;
      const body = requestOf(named(conductorOne, name), `bench-${name}-4b8e21`);
      taken.push(await waitOf(api, `/v1/tenants/calm-${tenant}/integrations/${name}`, body));
    }
  };
  await Promise.all(callers.map(one));
  return taken;
}

/** Sends them all, as fast as 32 connections go. Answers the number of each status. */
async function sendFlood(url: string, key: string): Promise<{ statuses: Map<number, number>; seconds: number }> {
  const started = performance.now();
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const statuses = new Map<number, number>();
  let next = 0;
  const put = (name: string) =>
    new Promise<number>((resolve) => {
      const body = JSON.stringify(requestOf(named(conductorOne, name), `bench-${name}-77c01d`));
      const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const path = `/v1/tenants/greedy/integrations/${name}`;
      const sent = request({ agent, hostname, port, method: "PUT", path, headers }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
      });
      sent.on("error", () => resolve(0));
      sent.end(body);
    });
  const worker = async () => {
    while (next < flood) {
      const status = await put(`flood-${next++}`);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  agent.destroy();
  return { statuses, seconds: (performance.now() - started) / 1000 };
}

export async function runFlood(): Promise<Result[]> {
  const arena = await openArena();
  try {
    const { url } = arena.service;
    const callers: Api[] = [];
    for (let n = 0; n < calmTenants; n++) callers.push(createApi({ url, token: await keyOf(arena, `calm-${n}`) }));
    const greedy = await keyOf(arena, "greedy");
    await waits(callers.slice(0, 1), "warm");
    const baseline = await waits(callers, "alone");
    const flooding = sendFlood(url, greedy);
    await sleep(1_000);
    const ours = await waits(callers, "flooded");
    const statuses = [...(await flooding).statuses].map(([status, count]) => `${count} × ${status}`).join(", ");
    const against = "the same without it";
    const title = `PUT until success of ${calmTenants} tenants beside one that sends ${flood.toLocaleString("en")}`;
    const target = { of: "ratio", atMost: 2 } as const;
    const note = `the flood took ${(await flooding).seconds.toFixed(0)} s: ${statuses}; slowest ${Math.round(percentile(ours, 1))} ms against ${Math.round(percentile(baseline, 1))} ms`;
    return [compare({ name: "abuse.flood", title, unit: "ms", against, target, note, ours, baseline })];
  } finally {
    await arena.stop();
  }
}
