/** Webhook deliveries over a real store: what is accepted once, and what may be sent again. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { sign } from "@octokit/webhooks-methods";
import { putSource, receiveDelivery } from "../../src/gitops/sources.ts";
import { type GitopsRig, startGitopsRig } from "./rig.ts";

const secret = "a-secret-of-more-than-sixteen-characters";
let rig: GitopsRig;
let secretsDir: string;

before(async () => {
  secretsDir = await mkdtemp(path.join(os.tmpdir(), "drawbridge-secrets-"));
  await writeFile(path.join(secretsDir, "hook"), secret);
  rig = await startGitopsRig({ secretsDir });
  const body = { repository: "/nowhere.git", branch: "main", interval: 300, prune: false, maxDeletes: 0, webhookSecret: "hook" };
  await putSource(rig.context, {
    name: "hooked",
    body,
    by: { subject: "alice", scopes: ["write", "admin"], credential: { kind: "admin" } },
  });
});
after(async () => {
  await rig?.close();
  await rm(secretsDir, { recursive: true, force: true });
});

async function pushDelivery() {
  const text = JSON.stringify({ ref: "refs/heads/main", after: "4".repeat(40), repository: { full_name: "acme/access" } });
  const signature = await sign(secret, text);
  const headers: Record<string, string> = {
    "x-github-delivery": randomUUID(),
    "x-github-event": "push",
    "x-hub-signature-256": signature,
    "content-type": "application/json",
  };
  return { bytes: Buffer.from(text), header: (name: string) => headers[name] };
}

test("a delivery of which nothing came may be sent again, and one that was accepted may not", async () => {
  const delivery = await pushDelivery();
  const { enqueue } = rig.context.queue;
  rig.context.queue.enqueue = () => Promise.reject(new Error("the queue can't be written"));
  await assert.rejects(receiveDelivery(rig.context, "hooked", delivery), /can't be written/);
  rig.context.queue.enqueue = enqueue;
  assert.ok("operation" in (await receiveDelivery(rig.context, "hooked", delivery)));
  assert.deepEqual(await receiveDelivery(rig.context, "hooked", delivery), { ignored: "It was delivered before." });
});
