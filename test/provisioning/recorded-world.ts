/** A world whose calls to AWS are written down and judged when it stops. */
import assert from "node:assert/strict";
import path from "node:path";
import type { BootstrapView } from "../../src/http/routes/bootstrap.ts";
import type { TenantView } from "../../src/http/views/schemas.ts";
import { startWorld, type World } from "../support/world.ts";
import { type Entered, type Recorder, startRecorder } from "./recorder.ts";
import { allowedBy, readRows, rowsOf, shapeOf, writeRows } from "./rows.ts";

/**
 * As `startWorld`. At its end each call that went through a provisioning role must be allowed by the bootstrap that the service served
 * at that moment, and each call that the fixture expects of this test file must have been made. With DRAWBRIDGE_RECORD=1 the file's rows are written.
 */
export async function startRecordedWorld(): Promise<World> {
  const by = path.relative(path.join(import.meta.dirname, ".."), process.argv[1] ?? "").replace(/\.test\.ts$/, "");
  let recorder: Recorder | undefined;
  let world: World | undefined;
  const whose = async (externalId: string): Promise<Entered | undefined> => {
    if (!world) return undefined;
    // A list shows fingerprints; each tenant's own record shows the id to the administrator's token.
    const { body } = await world.api.call<{ items: TenantView[] }>("GET", "/v1/tenants?limit=200");
    const { api } = world;
    const tenants = await Promise.all(body.items.map(({ name }) => api.call<TenantView>("GET", `/v1/tenants/${name}`)));
    const tenant = tenants.map((answer) => answer.body).find(({ provisioning }) => provisioning?.externalId === externalId);
    if (!tenant) return undefined;
    const { body: made } = await world.api.call<BootstrapView>("GET", `/v1/tenants/${tenant.name}/bootstrap`);
    const boundary = tenant.permissionsBoundaryArn;
    return { tenant: tenant.name, ...(boundary && { boundary }), permissions: made.permissionsPolicy };
  };
  world = await startWorld({}, async ({ awsEndpoint }) => {
    recorder = await startRecorder(awsEndpoint, whose);
    return recorder.proxy;
  });
  const { stop } = world;
  world.stop = async () => {
    await stop();
    judge(by, recorder);
  };
  return world;
}

function judge(by: string, recorder: Recorder | undefined): void {
  const requests = recorder?.requests ?? [];
  assert.ok(requests.length > 0, "nothing was recorded");
  const refused = requests.filter((request) => !allowedBy(request.entered.permissions, request));
  assert.deepEqual(
    refused.map(({ action, resource, context }) => ({ action, resource, context })),
    [],
    "calls that the bootstrap's policy doesn't allow",
  );
  const rows = rowsOf(by, requests);
  if (process.env["DRAWBRIDGE_RECORD"] === "1") {
    writeRows(by, rows);
    return;
  }
  const missing = readRows().filter((row) => row.by === by && !rows.has(shapeOf(row)));
  assert.deepEqual(missing, [], "calls that the fixture expects of this test, and that weren't made");
}
