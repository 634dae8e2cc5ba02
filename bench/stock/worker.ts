/**
 * The baseline: Pulumi's own "Pulumi over HTTP" example, without its HTTP. For every request: create or select the stack, set its
 * configuration, `up`; for a removal select, `destroy`, remove the stack. It runs our programs, on our CLI and plugin. It doesn't
 * enter the account, prove or record anything, and Pulumi is loaded before the clock starts.
 */
import { LocalWorkspace, type Stack } from "@pulumi/pulumi/automation/index.js";
import type { Program } from "../../programs/program.ts";
import { programs } from "../../programs/registry.ts";
import { downOrder, upOrder } from "../../stacks/order.ts";
import { resolveReferences } from "../../stacks/references.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import type { StockAnswer, StockOrder } from "./orders.ts";

const projectName = "stock";
const secretsProvider = process.env["STOCK_SECRETS_PROVIDER"];
const workspaceOf = (name: string) =>
  secretsProvider === undefined ? {} : { secretsProvider, stackSettings: { [name]: { secretsProvider } } };
const say = (answer: StockAnswer) => process.send?.(answer);
const stackId = ({ kind, key }: { kind: string; key: string }) => `${kind}/${key}`;
const stackName = (order: StockOrder, spec: StackSpec) => `${order.name}-${spec.kind}`;

function programOf({ place }: StockOrder, spec: StackSpec) {
  const program = programs[spec.kind as keyof typeof programs] as Program<keyof typeof programs>;
  return async () => program(spec.inputs as never, place);
}

async function open(order: StockOrder, spec: StackSpec): Promise<Stack> {
  const name = stackName(order, spec);
  return LocalWorkspace.createOrSelectStack({ stackName: name, projectName, program: programOf(order, spec) }, workspaceOf(name));
}

async function apply(order: StockOrder): Promise<void> {
  const outputs = new Map<string, Record<string, unknown>>();
  for (const spec of upOrder(order.specs).flat()) {
    const resolved = resolveReferences(spec, (ref) => outputs.get(stackId(ref))?.[ref.output]);
    const stack = await open(order, resolved);
    await stack.setAllConfig({ "aws:region": { value: order.place.region } });
    const made = await stack.up();
    outputs.set(stackId(spec), Object.fromEntries(Object.entries(made.outputs).map(([name, { value }]) => [name, value])));
  }
}

async function destroy(order: StockOrder): Promise<void> {
  for (const spec of downOrder(order.specs).flat()) {
    const name = stackName(order, spec);
    const stack = await LocalWorkspace.selectStack({ stackName: name, projectName, program: async () => {} }, workspaceOf(name));
    await stack.destroy();
    await stack.workspace.removeStack(name);
  }
}

process.on("message", async (order: StockOrder) => {
  const started = performance.now();
  try {
    await (order.verb === "apply" ? apply(order) : destroy(order));
    say({ type: "done", id: order.id, milliseconds: performance.now() - started });
  } catch (error) {
    say({ type: "failed", id: order.id, text: String(error) });
  }
});
process.on("disconnect", () => process.exit());
say({ type: "ready" });
