import type { CustomResourceOptions } from "@pulumi/pulumi/index.js";
import type { Place } from "./program.ts";

/**
 * The options of a resource that may exist without being in state: one that an interrupted run made, or a retained key. An import refuses
 * any difference, so the run that takes the resource in keeps its live properties. The next run, without these options, changes them to the
 * inputs. `properties` are all that the program sets, and those that the plugin adds.
 */
export function adoption(place: Place, name: string, properties: string[]): CustomResourceOptions {
  const id = place.adopt?.[name];
  return id === undefined ? {} : { import: id, ignoreChanges: properties };
}
