import type { CustomResourceOptions } from "@pulumi/pulumi/index.js";
import type { Place } from "./program.ts";

/**
 * The options of a resource that may exist without being in state: one that an interrupted run made, or a retained key. In
 * the run that takes it in, its live properties stand, because an import refuses any difference; the run after it, without
 * these options, brings them to the inputs. `properties` are all that the program sets, and what the plugin adds.
 */
export function adoption(place: Place, name: string, properties: string[]): CustomResourceOptions {
  const id = place.adopt?.[name];
  return id === undefined ? {} : { import: id, ignoreChanges: properties };
}
