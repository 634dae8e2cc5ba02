/** Whether operations can run now: each thing that they need, by name, in a sentence that anybody may read. */
import { HeadBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { sql } from "kysely";
import type { Config } from "./config.ts";
import type { Engine } from "./engine/engine.ts";
import type { Readiness, ReadinessCheck } from "./http/services.ts";
import type { Store } from "./store/store.ts";

/** seconds for which an answer about the state bucket and the CLI stands */
const FRESH = 15;

interface Parts {
  config: Config;
  engine: Engine;
  store: Store;
  draining: () => boolean;
}

/** A function that answers /readyz; slow checks are asked again only after 15 s. */
export function createReadiness({ config, engine, store, draining }: Parts): () => Promise<Readiness> {
  const slow = remembered(async () => [...(await engineChecks(engine)), await stateBucketCheck(config)]);
  return async () => {
    const checks = [...(await slow()), await storeCheck(store)];
    if (draining()) checks.push({ name: "service", ok: false, detail: "Shutting down: running operations end, no new one begins." });
    return { ready: checks.every((check) => check.ok), checks };
  };
}

function remembered<T>(read: () => Promise<T>): () => Promise<T> {
  let last: { at: number; value: Promise<T> } | undefined;
  return () => {
    if (!last || Date.now() - last.at > FRESH * 1000) last = { at: Date.now(), value: read() };
    return last.value;
  };
}

async function engineChecks(engine: Engine): Promise<ReadinessCheck[]> {
  const { cli, plugin } = await engine.check();
  return [
    "code" in cli ? { name: "cli", ok: false, detail: cli.detail } : { name: "cli", ok: true, detail: "The Pulumi CLI answers.", version: cli.version },
    "code" in plugin
      ? { name: "plugin", ok: false, detail: plugin.detail }
      : { name: "plugin", ok: true, detail: pluginSentence[plugin.plugin], plugin: plugin.plugin, version: plugin.version },
  ];
}

const pluginSentence = {
  official: "Pulumi's official AWS plugin is installed.",
  "stand-in": "The sandbox's stand-in for the AWS plugin is in use: nothing here reaches AWS.",
};

async function stateBucketCheck(config: Config): Promise<ReadinessCheck> {
  const { host: Bucket } = new URL(config.stateUrl);
  const client = new S3Client({
    region: new URL(config.stateUrl).searchParams.get("region") ?? config.region,
    maxAttempts: 2,
    ...(config.awsEndpoint && { endpoint: config.awsEndpoint, forcePathStyle: true }),
  });
  const found = await client.send(new HeadBucketCommand({ Bucket }), { abortSignal: AbortSignal.timeout(5_000) }).then(
    () => true,
    () => false,
  );
  client.destroy();
  const detail = found ? "The state bucket answers." : "The state bucket doesn't answer. Check DRAWBRIDGE_STATE_URL and the service's credentials.";
  return { name: "state-bucket", ok: found, detail };
}

async function storeCheck(store: Store): Promise<ReadinessCheck> {
  const answers = await sql`select 1`.execute(store.db).then(
    () => true,
    () => false,
  );
  return { name: "store", ok: answers, detail: answers ? `The ${store.kind} store answers.` : `The ${store.kind} store doesn't answer.` };
}
