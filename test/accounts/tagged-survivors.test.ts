/** The look for what is left, over all pages that AWS gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { IAMClient, ListRolesCommand, ListRoleTagsCommand } from "@aws-sdk/client-iam";
import { taggedSurvivors } from "../../src/accounts/inventory.ts";

const since = "2026-11-01T00:00:00.000Z";
const pageSize = 1_000;
const name = (index: number) => `role-${index}`;

/** An account of so many roles, of which the last one is ours, and is listed last. */
function accountOf(count: number) {
  const iam = new IAMClient({ region: "us-east-1", credentials: { accessKeyId: "a", secretAccessKey: "b" } });
  const send = async (command: unknown) => {
    if (command instanceof ListRoleTagsCommand) {
      const isOurs = command.input.RoleName === name(count - 1);
      return { Tags: isOurs ? [{ Key: "drawbridge:tenant", Value: "acme" }] : [], IsTruncated: false };
    }
    assert.ok(command instanceof ListRolesCommand);
    const start = Number(command.input.Marker ?? 0);
    const end = Math.min(start + pageSize, count);
    const Roles = Array.from({ length: end - start }, (_, at) => ({
      RoleName: name(start + at),
      Arn: `arn:aws:iam::111122223333:role/${name(start + at)}`,
      CreateDate: new Date("2026-11-02T00:00:00Z"),
    }));
    return { Roles, IsTruncated: end < count, ...(end < count && { Marker: String(end) }) };
  };
  return Object.assign(iam, { send });
}

test("a role of ours behind three pages of others is found", async () => {
  const clients = { iam: accountOf(2 * pageSize + 5) } as unknown as Parameters<typeof taggedSurvivors>[0];
  const found = await taggedSurvivors(clients, { tenant: "acme", since, keys: false });
  assert.deepEqual(found, [`arn:aws:iam::111122223333:role/${name(2 * pageSize + 4)}`]);
  const others = await taggedSurvivors(clients, { tenant: "globex", since, keys: false });
  assert.deepEqual(others, []);
});
