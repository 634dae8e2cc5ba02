/**
 * Loaded into the service before anything else (`node --import`): a release that has a newer version of a blueprint beside the one that
 * integrations are pinned to.
 */

import { labraOppsync } from "../../../src/blueprints/labra-oppsync.ts";
import type { Blueprint } from "../../../src/blueprints/parts/blueprint.ts";
import { blueprints } from "../../../src/blueprints/registry.ts";

const newer: Blueprint = {
  ...labraOppsync,
  version: "1.1.0",
  stacks: (parameters, context) =>
    labraOppsync.stacks(parameters, context).map((spec) => {
      if (spec.kind !== "role") return spec;
      return { ...spec, inputs: { ...spec.inputs, tags: { ...spec.inputs.tags, release: "1.1.0" } } };
    }),
};
(blueprints as Blueprint[]).unshift(newer);
