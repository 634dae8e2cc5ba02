import { blueprints } from "../../../src/blueprints/registry.ts";
import { guidesPage } from "./guides-page.ts";
import { readSample } from "./sample.ts";
import { vendorPage } from "./vendor-page.ts";

/** Every generated page: its path from the repository's root, and its text. */
export function vendorPages(root: string): [file: string, text: string][] {
  const vendors = blueprints.map((blueprint) => ({ blueprint, sample: readSample(root, blueprint.vendor) }));
  return [
    ["docs/vendors.md", guidesPage(vendors)],
    ...vendors.map(({ blueprint, sample }): [string, string] => [`docs/vendors/${blueprint.vendor}.md`, vendorPage(blueprint, sample)]),
  ];
}
