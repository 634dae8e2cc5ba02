import assert from "node:assert/strict";
import { createDecipheriv, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import { makeSalt, stackSettings } from "../../src/engine/stack-settings.ts";

test("a salt proves its passphrase the way Pulumi checks it", async () => {
  const [, salt = "", , nonce = "", sealed = ""] = (await makeSalt("open sesame")).split(":");
  const box = Buffer.from(sealed, "base64");
  const decipher = createDecipheriv(
    "aes-256-gcm",
    pbkdf2Sync("open sesame", Buffer.from(salt, "base64"), 1_000_000, 32, "sha256"),
    Buffer.from(nonce, "base64"),
  );
  decipher.setAuthTag(box.subarray(-16));
  assert.equal(decipher.update(box.subarray(0, -16)).toString() + decipher.final().toString(), "pulumi");
});

test("the salt in state is used again, so that only one key is derived", async () => {
  const checkpoint = { resources: [], pendingOperations: [], secrets: { type: "passphrase", state: { salt: "v1:a:v1:b:c" } } };
  assert.deepEqual(JSON.parse(await stackSettings({ provider: "passphrase", passphrase: "x" }, checkpoint)), {
    encryptionsalt: "v1:a:v1:b:c",
    config: { "pulumi:disable-default-providers": ["*"] },
  });
});

test("new stacks of one passphrase share a salt, because each derivation costs as much as a CLI start", async () => {
  const salt = async (passphrase: string) =>
    JSON.parse(await stackSettings({ provider: "passphrase", passphrase }, undefined)).encryptionsalt;
  const [first, second, other] = await Promise.all([salt("one"), salt("one"), salt("another")]);
  assert.match(first, /^v1:/);
  assert.equal(second, first);
  assert.notEqual(other, first);
});

test("the settings name the KMS key with the state profile, and the data key from state", async () => {
  const secrets = { provider: "awskms", url: "awskms://alias/x?region=eu-west-1" } as const;
  const checkpoint = { resources: [], pendingOperations: [], secrets: { type: "cloud", state: { encryptedkey: "AQ==" } } };
  const config = { "pulumi:disable-default-providers": ["*"] };
  const secretsprovider = "awskms://alias/x?region=eu-west-1&profile=state";
  assert.deepEqual(JSON.parse(await stackSettings(secrets, checkpoint)), { secretsprovider, encryptedkey: "AQ==", config });
  assert.deepEqual(JSON.parse(await stackSettings(secrets, undefined)), { secretsprovider, config });
});
