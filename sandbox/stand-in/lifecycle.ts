/** Create, Read, Update and Delete of any type, with the real plugin's rules about what is saved when something fails. */
import type { Aws } from "./aws.ts";
import { diff } from "./diff.ts";
import { fault } from "./fault.ts";
import type { ResourceType } from "./resource-type.ts";
import { inputsFrom, inStoredForm, merged } from "./state.ts";
import type { Properties } from "./values.ts";

/** A resource that is there although its create or update failed: it is saved with the reason, and the next update repeats it. */
export class InitFailed extends Error {
  override name = "InitFailed";
  readonly id: string;
  readonly properties: Properties;
  constructor(message: string, id: string, properties: Properties) {
    super(message);
    this.id = id;
    this.properties = properties;
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Makes the resource and reads it. Once it has an id, a failure is an InitFailed; before that nothing is saved. */
export async function create(type: ResourceType, aws: Aws, inputs: Properties): Promise<{ id: string; properties: Properties }> {
  let id = "";
  try {
    await fault(type.token, "create", "before");
    const known = await type.create(aws, inputs, (made) => {
      id = made;
    });
    await fault(type.token, "create", "after");
    const live = await type.read(aws, id, { ...inputs, ...known }, true);
    if (!live) throw new Error(`waiting for ${id} create: couldn't find resource`);
    return { id, properties: merged(type, id, { ...inputs, ...known }, live) };
  } catch (error) {
    if (id === "") throw error;
    throw new InitFailed(messageOf(error), id, { ...inStoredForm(type, inputs), id });
  }
}

/** Refresh, or import when nothing is stored. Undefined: it is gone. */
export async function read(
  type: ResourceType,
  aws: Aws,
  id: string,
  { stored, inputs }: { stored: Properties; inputs: Properties },
): Promise<{ properties: Properties; inputs: Properties } | undefined> {
  await fault(type.token, "read", "before");
  const live = await type.read(aws, id, stored, false);
  await fault(type.token, "read", "after");
  if (!live) return undefined;
  const properties = merged(type, id, stored, live);
  return { properties, inputs: inputsFrom(type, inputs, properties) };
}

/** Changes what differs and reads it. A failure is an InitFailed that holds the new properties. */
export async function update(
  type: ResourceType,
  aws: Aws,
  id: string,
  { stored, inputs }: { stored: Properties; inputs: Properties },
): Promise<Properties> {
  const { changed } = diff(type, stored, inputs);
  const differs = (key: string) => changed.length === 0 || changed.includes(key);
  try {
    await fault(type.token, "update", "before");
    await type.update(aws, id, { inputs, stored, differs });
    await fault(type.token, "update", "after");
    const live = await type.read(aws, id, { ...stored, ...inputs }, false);
    if (!live) throw new Error(`the resource ${id} did not exist while updating; run \`pulumi refresh\` to bring the state up to date`);
    return merged(type, id, { ...keepOutputs(type, stored), ...inputs }, live);
  } catch (error) {
    throw new InitFailed(messageOf(error), id, { ...keepOutputs(type, stored), ...inStoredForm(type, inputs), id });
  }
}

/** Takes the resource away; gone already is well. */
export async function remove(type: ResourceType, aws: Aws, id: string, stored: Properties): Promise<void> {
  await fault(type.token, "delete", "before");
  await type.delete(aws, id, stored);
  await fault(type.token, "delete", "after");
}

/** What AWS computed, and what it computes for inputs that may be left out; an input that the program dropped isn't kept. */
function keepOutputs(type: ResourceType, stored: Properties): Properties {
  const kept = (key: string) => type.outputs.includes(key) || type.inputs[key]?.computed;
  return Object.fromEntries(Object.entries(stored).filter(([key]) => kept(key)));
}
