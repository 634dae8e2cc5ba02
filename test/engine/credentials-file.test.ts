import assert from "node:assert/strict";
import { test } from "node:test";
import { credentialsText } from "../../src/engine/credentials-file.ts";

test("the file has the two stable profiles, and a token only if there is one", () => {
  const state = { accessKeyId: "AKIA1", secretAccessKey: "s1" };
  const target = { accessKeyId: "ASIA2", secretAccessKey: "s2", sessionToken: "t2" };
  assert.equal(
    credentialsText(state, target),
    "[state]\naws_access_key_id=AKIA1\naws_secret_access_key=s1\n[target]\naws_access_key_id=ASIA2\naws_secret_access_key=s2\naws_session_token=t2\n",
  );
});

test("a credential with a line break could add a profile, so it is refused", () => {
  const honest = { accessKeyId: "AKIA1", secretAccessKey: "s1" };
  assert.throws(() => credentialsText(honest, { ...honest, sessionToken: "t\n[state]" }), /line break/);
});
