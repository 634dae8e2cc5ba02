import assert from "node:assert/strict";
import { test } from "node:test";
import { leaseDecision, leaseTiming, mustStop } from "../../src/operations/lease-decision.ts";
import { ownerLiveness, type ProcessFacts } from "../../src/operations/owner-liveness.ts";
import type { Marker } from "../../src/processes.ts";
import type { Lease } from "../../src/store/leases.ts";

const { ttl, margin, beat, session } = leaseTiming;

test("an owner that is proven dead loses its lease at once, even with a fresh heartbeat", () => {
  assert.equal(leaseDecision({ age: 0 }, true), "steal");
});

test("a live owner keeps its lease, however long it was paused", () => {
  assert.equal(leaseDecision({ age: ttl + session + 1 }, false), "wait");
});

test("an owner that this host can't judge keeps its lease until its sessions have ended too", () => {
  assert.equal(leaseDecision({ age: ttl + 1 }, undefined), "wait");
  assert.equal(leaseDecision({ age: ttl + session }, undefined), "wait");
  assert.equal(leaseDecision({ age: ttl + session + 1 }, undefined), "steal");
});

test("an owner stops itself well before its lease can be taken, and survives two lost heartbeats", () => {
  assert.equal(mustStop(ttl - margin - 1), false);
  assert.equal(mustStop(ttl - margin), true);
  assert.ok(ttl - margin > 2 * beat);
});

const lease: Lease = {
  resource: "r",
  operation: "op",
  owner: "o",
  runner: "run",
  pid: 7,
  processStart: "100",
  host: "here",
  epoch: 3,
  age: 0,
};

/** A host where these pids run (with their start times) and these markers are alive. `stubborn` markers stay alive after a kill. */
function hostWith({ starts = {}, alive = [], stubborn = [] }: { starts?: Record<number, string>; alive?: string[]; stubborn?: string[] }) {
  const killed: string[] = [];
  const name = (marker: Marker) => ("operation" in marker ? marker.operation : marker.runner);
  const facts: ProcessFacts = {
    startTimeOf: async (pid) => starts[pid],
    isMarkerAlive: async (marker) => alive.includes(name(marker)),
    killByMarker: async (marker) => {
      killed.push(name(marker));
      return { gone: !stubborn.includes(name(marker)) };
    },
  };
  return { isDead: ownerLiveness(facts, { host: "here" }), killed };
}

test("a holder is dead when its process has ended and nothing carries its markers", async () => {
  const { isDead, killed } = hostWith({});
  assert.equal(await isDead(lease), true);
  assert.deepEqual(killed, []);
});

test("a holder is alive while its service process runs, and none of its processes is killed", async () => {
  const { isDead, killed } = hostWith({ starts: { 7: "100" }, alive: ["op-3"] });
  assert.equal(await isDead(lease), false);
  assert.deepEqual(killed, []);
});

test("a reused pid doesn't keep a holder alive", async () => {
  assert.equal(await hostWith({ starts: { 7: "999" } }).isDead(lease), true);
});

test("processes that a dead service left, plugins and runner included, are ended before the holder counts as dead", async () => {
  const { isDead, killed } = hostWith({ alive: ["op-3", "run", "op-4"] });
  assert.equal(await isDead(lease), true);
  assert.deepEqual(killed, ["op-3", "run"]);
});

test("a holder whose processes can't be ended is not dead", async () => {
  assert.equal(await hostWith({ alive: ["run"], stubborn: ["run"] }).isDead(lease), false);
});

test("a holder on another host, or on one that shows no processes, can't be judged", async () => {
  const { isDead } = hostWith({});
  assert.equal(await isDead({ ...lease, host: "elsewhere" }), undefined);
  assert.equal(await isDead({ ...lease, processStart: "" }), undefined);
});
