/** A mixed load: creates, updates and teardowns for many tenants, one at a time for each integration. The seed decides the order. */
import type { Operation } from "../../src/model/operation.ts";
import { checkEmpty, checkEnded, checkForeign, checkNoStatements, checkQuiet, look } from "./invariants.ts";
import { readStatements } from "./inventory.ts";
import { pick } from "./random.ts";
import { isThere, oneRole, putIntegration, sharedBucket, startDestroy, threeStacks } from "./requests.ts";
import type { Rig } from "./rig.ts";

export interface Member {
  tenant: string;
  name: string;
  /** Three stacks if true, one role if false */
  large: boolean;
}

export interface Started extends Member {
  operation: Operation;
}

export interface Mix {
  members: readonly Member[];
  /** Sends the next request for this integration. */
  start(member: Member): Promise<Started>;
  /** Returns what is wrong after the operation ended. */
  check(started: Started, ended: Operation): Promise<string[]>;
  /** Destroys everything without faults. Returns what is left and what still runs. */
  clear(limit: number): Promise<string[]>;
}

/** Tenants `t0` … with one integration each. Every fifth integration has three stacks. */
export async function createMix(rig: Rig, random: () => number, tenants: number): Promise<Mix> {
  const members = Array.from({ length: tenants }, (_, index): Member => {
    return { tenant: `t${index}`, name: `m${index}`, large: index % 5 === 4 };
  });
  for (const { tenant } of members) await rig.tenant(tenant);
  const bucket = sharedBucket(rig);
  const { foreign } = await readStatements(rig.aws, bucket);
  let count = 0;

  const put = ({ tenant, name, large }: Member) => {
    count += 1;
    const id = `id-${count}-of-${name}-b81c`;
    return putIntegration(rig, tenant, name, large ? threeStacks(rig, id) : oneRole(rig, name, id));
  };
  return {
    members,
    async start(member) {
      const { tenant, name } = member;
      const request = pick(random, ["put", "put", "destroy"] as const);
      const destroys = request === "destroy" && (await isThere(rig, tenant, name));
      return { ...member, operation: await (destroys ? startDestroy(rig, tenant, name) : put(member)) };
    },
    async check({ tenant, name, large }, operation) {
      return checkEnded(rig, await look(rig, tenant), { tenant, name, operation, has: { roles: 1, keys: large ? 1 : 0 } });
    },
    async clear(limit) {
      const wrong: string[] = [];
      for (const { tenant, name } of members) {
        if (!(await isThere(rig, tenant, name))) continue;
        const ended = await rig.finished((await startDestroy(rig, tenant, name)).id, limit);
        if (ended.state !== "succeeded") wrong.push(`${tenant}/${name} could not be taken down: ${JSON.stringify(ended.error)}`);
      }
      const sight = await look(rig);
      for (const { tenant, name } of members) wrong.push(...(await checkEmpty(rig, sight, { tenant, name })));
      wrong.push(...(await checkQuiet(rig, sight)), ...(await checkNoStatements(rig, bucket)));
      return [...wrong, ...(await checkForeign(rig, bucket, foreign))];
    },
  };
}
