/** Runs a program under Pulumi's mocks and records what it registers; nothing leaves the process. */
import { all, type CustomResourceOptions } from "@pulumi/pulumi/index.js";
import { setMocks } from "@pulumi/pulumi/runtime/mocks.js";
import { disconnect } from "@pulumi/pulumi/runtime/settings.js";
import { registerStackTransformation, runInPulumiStack } from "@pulumi/pulumi/runtime/stack.js";
import type { ProgramOutputs } from "../../programs/program.ts";

export interface Registered {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
  options: CustomResourceOptions;
  /** The id of its import, or "" */
  imported: string;
  /** URN and id of its provider */
  provider: string;
}

/** The outputs that AWS would compute, from the mocks. */
const computed = (name: string) => ({ arn: `arn:of:${name}`, uniqueId: "AROAEXAMPLE", keyId: "11111111-2222-3333-4444-555555555555" });

/** The resources by name, and the program's outputs. */
export async function record(
  program: () => ProgramOutputs,
): Promise<{ resources: Map<string, Registered>; outputs: Record<string, string> }> {
  const resources = new Map<string, Registered>();
  const options = new Map<string, CustomResourceOptions>();
  const newResource = (args: { type: string; name: string; inputs: Record<string, unknown>; provider?: string; id?: string }) => {
    const { type, name, inputs, provider = "", id: imported = "" } = args;
    if (type !== "pulumi:pulumi:Stack") resources.set(name, { type, name, inputs, provider, imported, options: options.get(name) ?? {} });
    return { id: String(inputs["name"] ?? `${name}-id`), state: { ...computed(name), ...inputs } };
  };
  await setMocks({ newResource, call: ({ inputs }) => inputs }, "drawbridge", "test");
  let outputs: Record<string, string> = {};
  await runInPulumiStack(async () => {
    registerStackTransformation(({ name, opts }) => {
      options.set(name, opts);
      return undefined;
    });
    const made = program();
    outputs = await new Promise((resolve) => all(made).apply((values) => resolve(values)));
    return made;
  });
  await disconnect();
  return { resources, outputs };
}

/** The names of the resources that a resource waits for. */
export function waitsFor({ options }: Registered): string[] {
  const resources = [options.dependsOn ?? []].flat() as unknown as { __name?: string }[];
  return resources.map((resource) => resource.__name ?? "");
}
