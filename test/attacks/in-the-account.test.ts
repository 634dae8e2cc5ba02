/** What an outsider with a key of their own does to other people's roles, grants and approvals, in the running service. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateRoleCommand, GetRoleCommand, PutRolePolicyCommand, UntagRoleCommand } from "@aws-sdk/client-iam";
import { ListGrantsCommand, PutKeyPolicyCommand } from "@aws-sdk/client-kms";
import { tenantThings } from "../../sandbox/accounts.ts";
import { type Api, createApi } from "../../sandbox/api.ts";
import type { IntegrationView } from "../../src/http/views/schemas.ts";
import type { Operation } from "../../src/model/operation.ts";
import { startWorld, type World } from "../support/world.ts";

const settledStates = ["succeeded", "failed", "cancelled", "awaiting-approval"];

describe("in an account that two tenants share", { concurrency: false }, () => {
  let world: World;
  let bucket: string;
  let mallory: Api;
  let second: Api;
  const route = (tenant: string, name: string) => `/v1/tenants/${tenant}/integrations/${name}`;
  const keyOf = async (subject: string, tenants: "*" | string[], scopes: string[]) => {
    const made = await world.api.call<{ key: string }>("POST", "/v1/keys", { body: { subject, tenants, scopes } });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    return createApi({ url: world.service.url, token: made.body.key });
  };
  const settled = async (id: string): Promise<Operation> => {
    for (;;) {
      const { body } = await world.api.call<Operation>("GET", `/v1/operations/${id}`);
      if (settledStates.includes(body.state)) return body;
      await sleep(100);
    }
  };
  const ask = async (api: Api, method: string, path: string, body?: unknown): Promise<Operation> => {
    const there = method === "PUT" ? await api.call("GET", path) : undefined;
    const etag = there?.status === 200 ? there.headers.get("etag") : null;
    const answer = await api.call<{ operation: Operation }>(method, path, {
      ...(body !== undefined && { body }),
      headers: etag ? { "if-match": etag } : {},
    });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return settled(answer.body.operation.id);
  };
  const approve = (api: Api, { id, planHash }: Operation) =>
    api.call<{ code?: string; operation: Operation }>("POST", `/v1/operations/${id}/approve`, { body: { planHash } });
  const trustOf = async (RoleName: string) => {
    const { Role } = await world.aws().iam.send(new GetRoleCommand({ RoleName }));
    return decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "");
  };
  const conductorOne = (roleName: string, externalId: string) => ({
    blueprint: "conductorone-s3",
    parameters: { bucket, roleName, externalId },
  });

  before(async () => {
    world = await startWorld();
    bucket = tenantThings.plainBucket(world.sandbox.accounts.tenant.accountId);
    await world.tenant("acme");
    await world.tenant("mallory");
    mallory = await keyOf("mallory", ["mallory"], ["read", "write", "destroy", "approve"]);
    // Without these grants the requests end at the claims (claims.test.ts). Here the next guards are tested.
    const { keyArn = "" } = world.sandbox.accounts.tenant;
    for (const resource of [`bucket/${bucket}`, `key/${keyArn}`, "role/AcmeReports"])
      assert.equal((await world.api.call("POST", "/v1/claims/grants", { body: { tenant: "mallory", resource } })).status, 201);
    second = await keyOf("second-person", "*", ["read", "approve"]);
  });
  after(() => world?.stop());

  test("verify neither judges nor closes a role of another tenant or of the customer", async () => {
    const made = await world.put("acme", "c1", conductorOne("AcmeReports", "c1-of-acme-7d1f6a93b2e8"));
    assert.equal(made.operation.state, "succeeded", JSON.stringify(made.operation.error));
    const { iam } = world.aws();
    const trust = {
      Effect: "Allow",
      Principal: { AWS: `arn:aws:iam::${world.sandbox.accounts.outsider.accountId}:root` },
      Action: "sts:AssumeRole",
    };
    await iam.send(
      new CreateRoleCommand({
        RoleName: "TheirOwn",
        AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [trust] }),
      }),
    );
    const wide = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] };
    await iam.send(new PutRolePolicyCommand({ RoleName: "TheirOwn", PolicyName: "Wide", PolicyDocument: JSON.stringify(wide) }));
    for (const [name, role] of [
      ["c1", "AcmeReports"],
      ["c2", "TheirOwn"],
    ] as const) {
      const before = await trustOf(role);
      const put = await ask(mallory, "PUT", route("mallory", name), conductorOne(role, `c1-of-mallory-${name}-91b7`));
      assert.equal(put.error?.code, "role_name_taken");
      const verified = await ask(mallory, "POST", `${route("mallory", name)}/verify`);
      assert.deepEqual([verified.state, verified.error?.code], ["failed", "role_name_taken"]);
      assert.equal(await trustOf(role), before);
      const drift = await ask(mallory, "POST", `${route("mallory", name)}/detect-drift`, { remediate: true });
      assert.equal(drift.state, "succeeded");
      assert.equal((await mallory.call("GET", `${route("mallory", name)}/proof`)).status, 404, "nothing of the role is told");
      const roleArn = `arn:aws:iam::${world.sandbox.accounts.tenant.accountId}:role/${role}`;
      const adopted = await ask(mallory, "POST", `${route("mallory", name)}/adopt`, { roleArn });
      assert.ok(["adopt_differs", "role_name_taken"].includes(adopted.error?.code ?? ""), JSON.stringify(adopted.error));
      assert.doesNotMatch(JSON.stringify(adopted.result ?? {}), /Principal|Action/, "an adoption tells nothing of its documents");
      await ask(mallory, "DELETE", route("mallory", name));
      assert.equal(await trustOf(role), before, "a teardown leaves it alone, too");
    }
  });

  test("after a change that failed before its first write, a verify closes nothing", async () => {
    const before = await trustOf("AcmeReports");
    const { parameters } = conductorOne("AcmeReports", "c1-of-acme-7d1f6a93b2e8");
    const typo = { blueprint: "conductorone-s3", parameters: { ...parameters, bucket: "no-such-bucket-of-acme" } };
    assert.equal((await ask(world.api, "PUT", route("acme", "c1"), typo)).error?.code, "bucket_not_found");
    const verified = await ask(world.api, "POST", `${route("acme", "c1")}/verify`);
    assert.equal(verified.state, "succeeded", JSON.stringify(verified.error));
    assert.equal(await trustOf("AcmeReports"), before);
  });

  test("a role of ours that lost its tags isn't judged any more, and stays as it is", async () => {
    const { iam } = world.aws();
    const before = await trustOf("AcmeReports");
    const wide = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] };
    await iam.send(new UntagRoleCommand({ RoleName: "AcmeReports", TagKeys: ["drawbridge:integration"] }));
    await iam.send(new PutRolePolicyCommand({ RoleName: "AcmeReports", PolicyName: "Wide", PolicyDocument: JSON.stringify(wide) }));
    const verified = await ask(world.api, "POST", `${route("acme", "c1")}/verify`);
    assert.equal(verified.error?.code, "role_name_taken");
    assert.match(verified.error?.detail ?? "", /put the tags back/);
    assert.equal(await trustOf("AcmeReports"), before);
  });

  test("one tenant's teardown keeps another tenant's grant with the same name on the same key", async () => {
    const { kms } = world.aws();
    const { accountId, keyArn = "", principalArn } = world.sandbox.accounts.tenant;
    const root = { AWS: `arn:aws:iam::${accountId}:root` };
    const administers = ["kms:Describe*", "kms:Get*", "kms:List*", "kms:Put*", "kms:CreateGrant", "kms:RevokeGrant"];
    const Statement = [
      { Effect: "Allow", Principal: root, Action: administers, Resource: "*" },
      { Effect: "Allow", Principal: { AWS: principalArn }, Action: "kms:*", Resource: "*" },
    ];
    await kms.send(
      new PutKeyPolicyCommand({ KeyId: keyArn, PolicyName: "default", Policy: JSON.stringify({ Version: "2012-10-17", Statement }) }),
    );
    const infosum = (roleName: string, externalId: string) => ({
      blueprint: "infosum-s3",
      parameters: { bucket, sessionName: "import", roleName, kmsKeyArn: keyArn, externalId },
    });
    const grantees = async () => {
      const { Grants = [] } = await kms.send(new ListGrantsCommand({ KeyId: keyArn }));
      return Grants.map(({ GranteePrincipal = "" }) => GranteePrincipal.split("/").at(-1)).sort();
    };
    const ids = [
      "7c1e0b4a9d2f4f6e8a3b5c7d9e1f2a4b6c8d0e2f4a6b8c0d2e4f6a8b0c2d4e6f",
      "9b1d3f5a7c2e4068a1c3e5f70819b2d4f6a8c0e1b3d5f7091a2c4e6f80b1d3f5",
    ];
    for (const [index, tenant] of ["acme", "mallory"].entries()) {
      const { operation } = await world.put(tenant, "shared", infosum(`Import-${tenant}`, ids[index] ?? ""));
      assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    }
    assert.deepEqual(await grantees(), ["Import-acme", "Import-mallory"]);
    const gone = await ask(mallory, "DELETE", route("mallory", "shared"));
    assert.equal(gone.state, "succeeded", JSON.stringify(gone.error));
    assert.deepEqual(await grantees(), ["Import-acme"]);
  });

  test("an account that only the request names needs somebody else's approval", async () => {
    const parameters = {
      environment: "production",
      labraAccountId: world.sandbox.accounts.outsider.accountId,
      aceBucket: "ace-apn-33333-prod-us-west-2",
      aceKmsKeyArn: "arn:aws:kms:us-west-2:111122223333:key/22222222-2222-3333-4444-555555555555",
      externalId: "labra-mallorys-4Hj7Pq",
    };
    const held = await ask(mallory, "PUT", route("mallory", "ace"), { blueprint: "labra-oppsync", parameters });
    assert.equal(held.state, "awaiting-approval");
    assert.match(JSON.stringify(held.result), /isn't on the list of trusted principals/);
    const own = await approve(mallory, held);
    assert.deepEqual([own.status, own.body.code], [403, "approver_is_requester"]);
    const handOff = await mallory.call<{ code?: string }>("GET", `${route("mallory", "ace")}/hand-off`);
    assert.deepEqual([handOff.status, handOff.body.code], [409, "not_approved"]);
    await mallory.call("POST", `/v1/operations/${held.id}/discard`);
    const discarded = await mallory.call<{ code?: string }>("GET", `${route("mallory", "ace")}/hand-off?format=cloudformation`);
    assert.deepEqual([discarded.status, discarded.body.code], [409, "not_approved"]);
  });

  test("a caller with only the scope write can't end a teardown", async () => {
    const writer = await keyOf("writer", ["mallory"], ["read", "write"]);
    const { body } = await mallory.call<{ operation: Operation }>("DELETE", route("mallory", "ace"));
    const cancelled = await writer.call<{ code?: string; state?: string }>("POST", `/v1/operations/${body.operation.id}/cancel`, {
      body: {},
    });
    if (cancelled.status === 200) assert.equal(cancelled.body.state, "succeeded", "it had ended by itself");
    else assert.deepEqual([cancelled.status, cancelled.body.code], [403, "forbidden"]);
    assert.equal((await settled(body.operation.id)).state, "succeeded");
  });

  describe("an approval of one's own request", { concurrency: false }, () => {
    let principalArn: string;
    const wider = () => ({ ...custom(), access: "read-write" });
    const custom = () => ({
      vendor: "numbers",
      principalArn,
      access: "read",
      buckets: [{ bucket }],
      roleName: "NumbersLoader",
    });
    const put = (api: Api, parameters: object) => ask(api, "PUT", route("mallory", "numbers"), { blueprint: "custom-s3", parameters });
    const latest = async (kind: string) => {
      for (;;) {
        const { body } = await world.api.call<{ items: Operation[] }>(
          "GET",
          `/v1/operations?tenant=mallory&integration=numbers&kind=${kind}&limit=1`,
        );
        const [operation] = body.items;
        if (operation && settledStates.includes(operation.state)) return operation;
        await sleep(200);
      }
    };

    before(async () => {
      principalArn = world.sandbox.accounts.outsider.principalArn;
      const listed = await world.api.call("PUT", "/v1/trusted-principals/numbers", { body: { vendor: "numbers", principalArn } });
      assert.equal(listed.status, 200);
      const held = await put(mallory, { ...custom(), externalId: "numbers-first-4c7e19d2a8b3" });
      assert.equal(held.state, "awaiting-approval");
      assert.equal((await approve(second, held)).status, 200);
      const done = await world.api.finished(held.id);
      assert.equal(done.state, "succeeded", JSON.stringify(done.error));
    });

    test("a rotation meanwhile makes nobody else its author", async () => {
      const held = await put(mallory, wider());
      assert.equal(held.state, "awaiting-approval");
      const handOff = await mallory.call("GET", `${route("mallory", "numbers")}/hand-off`);
      assert.equal(handOff.status, 200);
      assert.match(JSON.stringify(handOff.body), /s3:GetObject/);
      assert.doesNotMatch(JSON.stringify(handOff.body), /s3:PutObject/, "the documents are of what was approved");
      const rotating = await ask(second2(), "POST", `${route("mallory", "numbers")}/external-id`, {
        externalId: "numbers-second-0c5b7f31aa92",
        overlapMinutes: 0,
      });
      assert.equal(rotating.state, "awaiting-approval", "it carries the wider change");
      const own = await approve(mallory, rotating);
      assert.deepEqual([own.status, own.body.code], [403, "approver_is_requester"]);
      await mallory.call("POST", `/v1/operations/${rotating.id}/discard`);
    });

    test("a repair restores what was approved, without a discarded change", async () => {
      const discarded = await world.api.call<IntegrationView>("GET", route("mallory", "numbers"));
      assert.equal(discarded.body.parameters["access"], "read-write", "the change is still asked for");
      const { iam } = world.aws();
      const wide = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:PutObject", Resource: "*" }] };
      await iam.send(new PutRolePolicyCommand({ RoleName: "NumbersLoader", PolicyName: "Sneaky", PolicyDocument: JSON.stringify(wide) }));
      const drift = await ask(mallory, "POST", `${route("mallory", "numbers")}/detect-drift`, { remediate: true });
      assert.equal(drift.state, "succeeded", JSON.stringify(drift.error));
      const repair = await latest("up");
      assert.equal(repair.state, "succeeded", JSON.stringify(repair));
      const { body: proof } = await world.api.call<{ rows: { action: string; expect: string; decision: string }[] }>(
        "GET",
        `${route("mallory", "numbers")}/proof`,
      );
      const writes = proof.rows.filter(({ action }) => action === "s3:PutObject");
      assert.ok(writes.length > 0 && writes.every(({ expect, decision }) => expect === "deny" && decision !== "allowed"));
    });

    test("a principal that was removed from the list meanwhile isn't trusted, whoever approves", async () => {
      const other = `arn:aws:iam::${world.sandbox.accounts.neighbour.accountId}:root`;
      const listed = await world.api.call("PUT", "/v1/trusted-principals/other", { body: { vendor: "numbers", principalArn: other } });
      assert.equal(listed.status, 200);
      const held = await put(mallory, { ...custom(), principalArn: other });
      assert.equal(held.state, "awaiting-approval");
      assert.equal((await world.api.call("DELETE", "/v1/trusted-principals/other")).status, 204);
      assert.equal((await approve(second, held)).status, 200);
      assert.equal((await world.api.finished(held.id)).error?.code, "untrusted_principal");
      assert.doesNotMatch(await trustOf("NumbersLoader"), new RegExp(world.sandbox.accounts.neighbour.accountId));
    });

    test("if a vendor is renamed during its first update, the rename is refused or the update makes no role", async () => {
      const named = (vendor: string) => ({ ...custom(), vendor, roleName: "Renamed", externalId: "renamed-4c7e19d2a8b3" });
      for (const vendor of ["evil-corp", "nice-corp"])
        assert.equal((await world.api.call("PUT", `/v1/trusted-principals/${vendor}`, { body: { vendor, principalArn } })).status, 200);
      const path = route("mallory", "renamed");
      const first = await ask(mallory, "PUT", path, { blueprint: "custom-s3", parameters: named("evil-corp") });
      const etag = (await mallory.call("GET", path)).headers.get("etag") ?? "";
      assert.equal((await approve(second, first)).status, 200);
      const running = async () => (await world.api.call<Operation>("GET", `/v1/operations/${first.id}`)).body.state === "running";
      for (let look = 0; look < 2_000 && !(await running()); look++) await sleep(5);
      const renamed = await mallory.call<{ code?: string; operation?: Operation }>("PUT", path, {
        body: { blueprint: "custom-s3", parameters: named("nice-corp") },
        headers: { "if-match": etag },
      });
      const done = await world.api.finished(first.id);
      const { body } = await world.api.call<IntegrationView>("GET", path);
      if (done.state === "succeeded") assert.deepEqual([renamed.body.code, body.vendor], ["immutable_field", "evil-corp"]);
      else assert.deepEqual([done.error?.code, body.vendor, body.stacks], ["plan_stale", "nice-corp", []], JSON.stringify(done));
      if (renamed.body.operation) await mallory.call("POST", `/v1/operations/${renamed.body.operation.id}/discard`);
    });

    test("the same request again doesn't change its authors", async () => {
      const again = await put(mallory, wider());
      assert.equal(again.state, "awaiting-approval");
      const own = await approve(mallory, again);
      assert.equal(own.body.code, "approver_is_requester");
      assert.equal((await approve(second, again)).status, 200);
      const done = await world.api.finished(again.id);
      assert.equal(done.state, "succeeded", JSON.stringify(done.error));
    });

    /** Somebody else who may write the tenant's integrations. A rotation by them contains what mallory wrote. */
    let colleague: Api | undefined;
    const second2 = () => {
      assert.ok(colleague);
      return colleague;
    };
    before(async () => {
      colleague = await keyOf("colleague", ["mallory"], ["read", "write"]);
    });
  });
});
