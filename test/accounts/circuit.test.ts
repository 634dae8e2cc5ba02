import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sql } from "kysely";
import { leaveAloneWhatRefuses } from "../../src/accounts/circuit.ts";
import type { Sts } from "../../src/accounts/sts.ts";
import type { TenantRecord } from "../../src/model/tenant.ts";
import { ProblemError, problemOf } from "../../src/problem.ts";
import { countLeftAlone, findRefusals, forgetRefusals, refusalCount, refusalsBorne } from "../../src/store/account-refusals.ts";
import { backends, type Opened } from "../store/backends.ts";

const role = (name: string) => `arn:aws:iam::111122223333:role/${name}`;
const tenantWith = (name: string) => ({ name, access: { mode: "assume-role", roleArn: role(name) } }) as unknown as TenantRecord;
const way = (name: string) => `${name} ${role(name)}`;
const refusal = (cause = "AccessDenied") => new ProblemError("account_unreachable", "Refused.", { cause });

for (const backend of backends) {
  describe(`the circuit of an account on ${backend.name}`, () => {
    let opened: Opened;
    let sts: Sts;
    let calls = 0;
    let answer: () => Promise<never> | Promise<{ accessKeyId: string; secretAccessKey: string }>;
    const good = async () => ({ accessKeyId: "id", secretAccessKey: "key" });
    const bad = async () => Promise.reject(refusal());

    before(async () => {
      opened = await backend.open();
      const door = {
        enterAccount: async () => {
          calls += 1;
          return answer();
        },
      } as unknown as Sts;
      sts = leaveAloneWhatRefuses(door, (tenant) => refusalCount(opened.store.db, tenant));
    });
    after(() => opened?.remove());

    const enter = (name: string, options = {}) =>
      sts.enterAccount(tenantWith(name), "op", options).then(
        () => "in",
        (error: unknown) => problemOf(error).cause,
      );
    const refuse = async (name: string, times: number) => {
      answer = bad;
      for (let index = 0; index < times; index++) await enter(name);
    };
    const notBefore = async (name: string) => (await findRefusals(opened.store.db, [way(name)]))[0]?.notBefore;
    const pauseIsOver = (name: string) =>
      opened.store.db
        .updateTable("account_refusals")
        .set({ closed_until: sql<Date>`clock_timestamp() - interval '1 second'` })
        .where("role_arn", "=", way(name))
        .execute();

    test("a role that refused five times in a row isn't called any more, and the failure says until when", async () => {
      await refuse("five", refusalsBorne - 1);
      assert.equal(await notBefore("five"), undefined);
      assert.equal(await enter("five"), "AccessDenied");
      const before = calls;
      const error = await sts.enterAccount(tenantWith("five"), "op").catch((thrown: unknown) => thrown);
      assert.equal(calls, before, "AWS isn't asked");
      assert.ok(error instanceof ProblemError);
      assert.deepEqual([error.problem.code, error.problem.cause], ["account_unreachable", "circuit-open"]);
      assert.ok(error.problem.detail.includes((await notBefore("five")) ?? "-"));
      assert.ok((error.retryAfter ?? 0) > 20 && (error.retryAfter ?? 0) <= 30, `${error.retryAfter}`);
      assert.equal(await countLeftAlone(opened.store.db), 1);
      answer = good;
      assert.equal(await enter("another"), "in", "other roles are tried as ever");
    });

    test("after the pause one caller tries; its success closes the circuit", async () => {
      await refuse("heals", refusalsBorne);
      await pauseIsOver("heals");
      const before = calls;
      let letIn = () => {};
      answer = () => new Promise((resolve) => (letIn = () => resolve({ accessKeyId: "id", secretAccessKey: "key" })));
      const first = enter("heals");
      for (let look = 0; calls === before; look += 1) {
        assert.ok(look < 400, "nobody tried the role");
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assert.equal(await enter("heals"), "circuit-open", "a second one waits for the first one's answer");
      letIn();
      assert.equal(await first, "in");
      answer = good;
      assert.equal(await enter("heals"), "in");
      assert.deepEqual(await findRefusals(opened.store.db, [way("heals")]), []);
    });

    test("a try that is refused doubles the pause, up to ten minutes", async () => {
      await refuse("stays", refusalsBorne);
      const pauses: number[] = [];
      for (let index = 0; index < 7; index++) {
        await pauseIsOver("stays");
        assert.equal(await enter("stays"), "AccessDenied");
        pauses.push(Math.round((Date.parse((await notBefore("stays")) ?? "") - Date.now()) / 1_000));
      }
      for (const [index, wanted] of [60, 120, 240, 480, 600, 600, 600].entries())
        assert.ok(Math.abs((pauses[index] ?? 0) - wanted) <= 5, `${pauses}`);
    });

    test("many refused at once count as the first five do, and not as a long row", async () => {
      answer = bad;
      await Promise.all(Array.from({ length: 30 }, () => enter("crowd")));
      const left = Date.parse((await notBefore("crowd")) ?? "") - Date.now();
      assert.ok(left < 31_000, `${left} ms`);
    });

    test("a success in between begins anew, and so does the tenant's PUT", async () => {
      await refuse("flaky", refusalsBorne - 1);
      answer = good;
      assert.equal(await enter("flaky"), "in");
      await refuse("flaky", refusalsBorne - 1);
      assert.equal(await notBefore("flaky"), undefined);
      await refuse("flaky", 1);
      assert.equal(await enter("flaky"), "circuit-open");
      await forgetRefusals(opened.store.db, way("flaky"));
      answer = good;
      assert.equal(await enter("flaky"), "in");
    });

    test("a neighbour whom the same role refuses shuts nobody else out", async () => {
      const neighbour = { ...tenantWith("shared"), name: "neighbour" };
      answer = bad;
      for (let index = 0; index <= refusalsBorne; index++) await sts.enterAccount(neighbour, "op").catch(() => undefined);
      answer = good;
      assert.equal(await enter("shared"), "in");
    });

    test("a revocation tries it all the same, and our own expired credentials count for nobody", async () => {
      await refuse("revoked", refusalsBorne);
      answer = good;
      assert.equal(await enter("revoked", { insists: true }), "in");
      answer = async () => Promise.reject(refusal("ExpiredToken"));
      for (let index = 0; index < refusalsBorne + 1; index++) assert.equal(await enter("ours"), "ExpiredToken");
    });
  });
}
