/** A request from before a teardown, or one that its author took back, opens nothing afterwards, however late it runs. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DeleteRolePolicyCommand, GetRoleCommand, GetRolePolicyCommand, ListRolePoliciesCommand } from "@aws-sdk/client-iam";
import { tenantThings } from "../../sandbox/accounts.ts";
import { type Api, createApi } from "../../sandbox/api.ts";
import type { Operation } from "../../src/model/operation.ts";
import { gatedAws, operationOf } from "../support/gated-aws.ts";
import { startWorld, type World } from "../support/world.ts";

const settledStates = ["succeeded", "failed", "cancelled", "awaiting-approval"];

describe("an older request", { concurrency: false }, () => {
  const aws = gatedAws();
  let world: World;
  let second: Api;
  let bucket: string;
  const route = (name: string) => `/v1/tenants/acme/integrations/${name}`;
  const settled = async (id: string): Promise<Operation> => {
    for (;;) {
      const { body } = await world.api.call<Operation>("GET", `/v1/operations/${id}`);
      if (settledStates.includes(body.state)) return body;
      await sleep(50);
    }
  };
  const ask = async (method: string, path: string, body?: unknown): Promise<string> => {
    const there = method === "PUT" ? await world.api.call("GET", path) : undefined;
    const etag = there?.status === 200 ? there.headers.get("etag") : null;
    const answer = await world.api.call<{ operation: Operation }>(method, path, {
      ...(body !== undefined && { body }),
      headers: etag ? { "if-match": etag } : {},
    });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return answer.body.operation.id;
  };
  const approve = (id: string, planHash: string | undefined) =>
    second.call<{ code?: string }>("POST", `/v1/operations/${id}/approve`, { body: { planHash } });
  const somethingWaits = async () => {
    for (let look = 0; look < 400 && aws.held() === 0; look++) await sleep(50);
    assert.ok(aws.held() > 0);
  };
  const holdUpdates = () => {
    aws.gate.holds = async (text) => {
      const id = operationOf(text);
      return id !== undefined && (await world.api.call<Operation>("GET", `/v1/operations/${id}`)).body.kind === "up";
    };
  };
  const trustOf = (RoleName: string) =>
    world
      .aws()
      .iam.send(new GetRoleCommand({ RoleName }))
      .then(
        ({ Role }) => decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""),
        () => "no role",
      );
  const policiesOf = async (RoleName: string) => {
    const { iam } = world.aws();
    const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
    const documents = PolicyNames.map((PolicyName) => iam.send(new GetRolePolicyCommand({ RoleName, PolicyName })));
    return { names: PolicyNames, text: (await Promise.all(documents)).map((one) => decodeURIComponent(one.PolicyDocument ?? "")).join() };
  };
  const metrics = (roleName: string, access: string) => ({
    blueprint: "custom-s3",
    parameters: {
      vendor: "metrics",
      principalArn: `arn:aws:iam::${world.sandbox.accounts.outsider.accountId}:root`,
      buckets: [{ bucket }],
      access,
      roleName,
      externalId: `${roleName.toLowerCase()}-7d1f6a93b2e84c05`,
    },
  });
  const conductor = (roleName: string) => ({
    blueprint: "conductorone-s3",
    parameters: { bucket, roleName, externalId: `${roleName.toLowerCase()}-7d1f6a93b2e84c05` },
  });

  before(async () => {
    world = await startWorld({}, aws.between);
    bucket = tenantThings.plainBucket(world.sandbox.accounts.tenant.accountId);
    await world.tenant("acme");
    const principalArn = `arn:aws:iam::${world.sandbox.accounts.outsider.accountId}:root`;
    const listed = await world.api.call("PUT", "/v1/trusted-principals/m", { body: { vendor: "metrics", principalArn } });
    assert.ok(listed.status < 300);
    const body = { subject: "second-person", tenants: "*", scopes: ["read", "approve"] };
    const key = await world.api.call<{ key: string }>("POST", "/v1/keys", { body });
    second = createApi({ url: world.service.url, token: key.body.key });
  });
  afterEach(() => aws.open());
  after(() => world?.stop());

  test("is replaced if its author took it back while its plan was being made, and can't be approved", async () => {
    const first = await settled(await ask("PUT", route("back"), metrics("Back", "read")));
    assert.equal((await approve(first.id, first.planHash)).status, 200);
    assert.equal((await settled(first.id)).state, "succeeded");
    holdUpdates();
    const wide = await ask("PUT", route("back"), metrics("Back", "read-write"));
    await somethingWaits();
    const back = await ask("PUT", route("back"), metrics("Back", "read"));
    aws.open();
    assert.equal((await settled(back)).state, "succeeded");
    const overtaken = await settled(wide);
    assert.deepEqual([overtaken.state, overtaken.supersededBy], ["cancelled", back]);
    assert.equal((await approve(wide, "0".repeat(64))).body.code, "not_awaiting_approval");
    assert.doesNotMatch((await policiesOf("Back")).text, /s3:PutObject/);
  });

  test("is cancelled if its integration was deleted while its plan was being made", async () => {
    holdUpdates();
    const asked = await ask("PUT", route("gone"), metrics("Gone", "read"));
    await somethingWaits();
    const teardown = await ask("DELETE", route("gone"));
    aws.open();
    assert.equal((await settled(teardown)).state, "succeeded");
    const overtaken = await settled(asked);
    assert.deepEqual([overtaken.state, overtaken.supersededBy], ["cancelled", teardown]);
    const { body } = await world.api.call<{ handshake: { state: string } }>("GET", route("gone"));
    assert.equal(body.handshake.state, "gone");
    assert.equal(await trustOf("Gone"), "no role");
  });

  test("of a repair doesn't open what an offboarding closed before it failed", async () => {
    const settings = { drift: "remediate" };
    assert.equal((await world.put("acme", "one", { ...conductor("C1-one"), settings })).operation.state, "succeeded");
    assert.equal((await world.put("acme", "two", conductor("C1-two"))).operation.state, "succeeded");
    const { names } = await policiesOf("C1-one");
    for (const PolicyName of names) await world.aws().iam.send(new DeleteRolePolicyCommand({ RoleName: "C1-one", PolicyName }));
    holdUpdates();
    const { children = [] } = await world.api.finished(await ask("POST", `${route("one")}/detect-drift`, {}));
    const [repair] = children;
    assert.ok(repair);
    await somethingWaits();
    aws.gate.denies = (text) => /Action=UpdateAssumeRolePolicy/.test(text) && /RoleName=C1-two/.test(text);
    assert.equal((await world.api.finished(await ask("DELETE", "/v1/tenants/acme"))).error?.code, "aws_denied");
    for (let look = 0; look < 40 && !/DrawbridgeClosed/.test(await trustOf("C1-one")); look++) await sleep(50);
    assert.match(await trustOf("C1-one"), /DrawbridgeClosed/);
    aws.open();
    const ended = await world.api.finished(repair);
    assert.deepEqual([ended.state, ended.error?.code], ["failed", "plan_stale"]);
    assert.match(await trustOf("C1-one"), /DrawbridgeClosed/);
  });

  test("closes again what it wrote if an offboarding closed the trusts during the write", async () => {
    aws.gate.holds = (text) => /Action=CreateRole\b/.test(text) && /RoleName=C1-three/.test(text);
    const asked = await ask("PUT", route("three"), conductor("C1-three"));
    await somethingWaits();
    aws.gate.denies = (text) => /Action=UpdateAssumeRolePolicy/.test(text) && /RoleName=C1-two/.test(text);
    assert.equal((await world.api.finished(await ask("DELETE", "/v1/tenants/acme"))).error?.code, "aws_denied");
    aws.open();
    const ended = await world.api.finished(asked);
    assert.deepEqual([ended.state, ended.error?.code], ["failed", "plan_stale"]);
    assert.match(await trustOf("C1-three"), /DrawbridgeClosed/);
  });

  test("of a source opens nothing if it is sent again while the teardowns of a cancelled offboarding run", async () => {
    const manifests = [
      { apiVersion: "drawbridge/v1", kind: "Integration", metadata: { tenant: "acme", name: "git" }, spec: conductor("C1-git") },
    ];
    const push = () => ask("POST", "/v1/reconcile", { source: { repository: "https://git.example/acme", revision: "1" }, manifests });
    assert.equal((await settled(await push())).state, "succeeded");
    aws.gate.holds = (text) => /Action=(DeleteRolePolicy|DeleteRole)\b/.test(text) && /RoleName=C1-git/.test(text);
    const offboarding = await ask("DELETE", "/v1/tenants/acme");
    await somethingWaits();
    await world.api.call("POST", `/v1/operations/${offboarding}/cancel`, { body: {} });
    const { children = [] } = await settled(offboarding);
    const again = await push();
    await sleep(500);
    aws.open();
    assert.equal((await settled(again)).state, "succeeded");
    for (const child of children) await settled(child);
    assert.doesNotMatch(await trustOf("C1-git"), /sts:ExternalId/);
  });
});
