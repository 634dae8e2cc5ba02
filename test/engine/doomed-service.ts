/** A service that orphan.test.ts kills. It starts the update that its argument describes, and reports when the runner has it. */
import { createEngine } from "../../src/engine/create-engine.ts";
import type { UpdateRequest } from "../../src/engine/engine.ts";
import type { EngineConfig } from "../../src/engine/engine-config.ts";

const { config, request } = JSON.parse(process.argv[2] ?? "") as { config: EngineConfig; request: UpdateRequest };
const onRunner: NonNullable<UpdateRequest["onRunner"]> = ({ uuid }) => void process.stdout.write(`${uuid}\n`);
await createEngine(config).update({ ...request, onRunner }, () => {});
