import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { openState } from "../../src/engine/state/state-backend.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import { startRunning } from "./running-engine.ts";

const program = { kind: "collector", key: "well", inputs: { behave: "well" } } as unknown as StackSpec;

test("state is encrypted under a KMS key, and every update uses the same data key", async (t) => {
  const registry = new URL("./misbehaving-programs.ts", import.meta.url).href;
  const running = await startRunning({ registry, secrets: { provider: "awskms", url: "awskms://alias/state?region=us-east-1" } });
  t.after(() => running.stop());
  // The sandbox's service user has no right to KMS. The emulator accepts an account's number as the key of its root.
  const credentials = { accessKeyId: running.sandbox.accounts.platform.accountId, secretAccessKey: "x" };
  const kms = new KMSClient({ endpoint: running.sandbox.awsEndpoint, region: "us-east-1", credentials });
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  await kms.send(new CreateAliasCommand({ AliasName: "alias/state", TargetKeyId: KeyMetadata?.KeyId }));
  const state = openState(running.request(program).address, credentials);
  t.after(() => state.close());
  const dataKeys = new Set<unknown>();
  for (let i = 0; i < 2; i++) {
    await running.run(program, { state: { credentials } });
    const { secrets } = (await state.readCheckpoint()) ?? {};
    assert.equal(secrets?.type, "cloud");
    assert.match(String(secrets.state["url"]), /^awskms:\/\/alias\/state/);
    dataKeys.add(secrets.state["encryptedkey"]);
  }
  assert.equal(dataKeys.size, 1);
});
