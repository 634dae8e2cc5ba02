/** The cases of a vendor's fixture folder: the folder itself, or each folder in it, that holds a request. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { BlueprintContext, HandOffField } from "../../src/blueprints/parts/blueprint.ts";
import type { StackSpec } from "../../stacks/stack.ts";

export interface FixtureCase {
  name: string;
  context: BlueprintContext;
  parameters: Record<string, unknown>;
  stacks: StackSpec[];
  access: AccessRow[];
  handOff: HandOffField[];
}

/** One line of an `access.json`, written by hand from the vendor's guide. */
export interface AccessRow {
  why: string;
  principal: string;
  externalId?: string;
  /** condition keys of the request */
  context?: Record<string, string | string[]>;
  action: string;
  resource: string;
  expect: "allow" | "deny";
}

const fixtures = path.join(import.meta.dirname, "../fixtures");

export const fixtureFolder = (vendor: string): string => path.join(fixtures, vendor);

export function readCases(vendor: string): FixtureCase[] {
  const folder = fixtureFolder(vendor);
  if (existsSync(path.join(folder, "request.json"))) return [readCase(vendor, folder)];
  const names = readdirSync(folder).filter((name) => existsSync(path.join(folder, name, "request.json")));
  return names.map((name) => readCase(name, path.join(folder, name)));
}

function readCase(name: string, folder: string): FixtureCase {
  const read = (file: string): unknown => JSON.parse(readFileSync(path.join(folder, file), "utf8"));
  const { context, parameters } = read("request.json") as Pick<FixtureCase, "context" | "parameters">;
  return {
    name,
    context,
    parameters,
    stacks: read("stacks.json") as StackSpec[],
    access: read("access.json") as AccessRow[],
    handOff: read("hand-off.json") as HandOffField[],
  };
}
