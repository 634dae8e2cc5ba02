/**
 * Checks that the provisioning role has no unneeded permission. Each action of each statement is removed in turn, and then some call of a
 * whole lifecycle must be refused. The end-to-end tests record these calls (test/provisioning), and also check that they are made.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { blueprints } from "../../src/blueprints/registry.ts";
import { listOf, type PolicyDocument } from "../../src/iam/words/policy-document.ts";
import { type Bootstrap, bootstrapOf } from "../../src/tenants/bootstrap.ts";
import { allowedBy, type Row, readRows } from "../provisioning/rows.ts";

/** Calls that only the official plugin makes. The end-to-end tests don't run it. Source: terraform-provider-aws, internal/service. */
const official = [
  { action: "iam:ListInstanceProfilesForRole", on: "role/Vendor", why: "iam/role.go, delete: looks for profiles that hold the role" },
  { action: "kms:UpdateAlias", on: "key/", why: "kms/alias.go, update: after a key was deleted outside and made again" },
];

const account = "222222222222";
const rows = readRows();
const boundaries = [...new Set(rows.map(({ boundary }) => boundary))];
const roleNames = [
  ...blueprints.flatMap((blueprint) => blueprint.roleNames),
  ...rows.flatMap(({ resource }) => /:role\/(.*)$/.exec(resource)?.[1] ?? []),
];

function bootstrapFor({ tenant, accountId, boundary }: Pick<Row, "tenant" | "accountId" | "boundary">): Bootstrap {
  const record = {
    name: tenant,
    accountId,
    region: "us-east-1",
    access: { mode: "assume-role" as const, roleArn: `arn:aws:iam::${accountId}:role/DrawbridgeProvisioning` },
    ...(boundary !== undefined && { permissionsBoundaryArn: boundary }),
    tags: {},
    provisioningExternalId: "dLYyH0lZ3bqkWcJ2s9mTfA",
    createdAt: "2026-11-22T02:00:00Z",
    updatedAt: "2026-11-22T02:00:00Z",
  };
  return bootstrapOf(record, "arn:aws:iam::111111111111:user/drawbridge-service", { reach: { roleNames }, revealed: true });
}

/** The document without one action of one statement. */
function without(document: PolicyDocument, sid: string | undefined, action: string): PolicyDocument {
  const Statement = document.Statement.flatMap((statement) => {
    if (statement.Sid !== sid) return [statement];
    const Action = listOf(statement.Action).filter((one) => one !== action);
    return Action.length === 0 ? [] : [{ ...statement, Action }];
  });
  return { ...document, Statement };
}

test("the whole document allows every recorded call", () => {
  assert.ok(rows.length > 40);
  for (const row of rows) assert.ok(allowedBy(bootstrapFor(row).permissionsPolicy, row), `${row.action} on ${row.resource}, by ${row.by}`);
});

/** A recorded call as it would be for a role with the boundary. The emulator can't judge this condition. */
const under = (boundary: string, row: Row): Row => ({ ...row, boundary, context: { ...row.context, "iam:PermissionsBoundary": boundary } });

describe("without one of its actions, a statement's calls are refused", () => {
  for (const boundary of boundaries) {
    const own = rows.flatMap((row) => {
      if (row.tenant !== "acme" || row.accountId !== account) return [];
      if (row.boundary === boundary) return [row];
      return boundary === undefined || row.boundary !== undefined ? [] : [under(boundary, row)];
    });
    const whole = bootstrapFor({ tenant: "acme", accountId: account, ...(boundary !== undefined && { boundary }) }).permissionsPolicy;
    const calls = own.filter((row) => allowedBy(whole, row));
    for (const { Sid, Effect, Action } of whole.Statement) {
      for (const action of Effect === "Allow" ? listOf(Action) : []) {
        if (official.some((one) => one.action === action)) continue;
        test(`${Sid}: ${action}${boundary === undefined ? "" : ", under a boundary"}`, () => {
          const less = without(whole, Sid, action);
          assert.ok(calls.some((row) => !allowedBy(less, row)));
        });
      }
    }
  }
});
