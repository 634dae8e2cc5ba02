/** Every blueprint that this release knows: one line each. */

import { conductoroneS3 } from "./conductorone-s3.ts";
import { creativeForceS3 } from "./creative-force-s3.ts";
import { customS3 } from "./custom-s3.ts";
import { infosumS3 } from "./infosum-s3.ts";
import { labraOppsync } from "./labra-oppsync.ts";
import { operataCloudCollector } from "./operata-cloud-collector.ts";
import type { Blueprint } from "./parts/blueprint.ts";

export const blueprints: readonly Blueprint[] = [conductoroneS3, creativeForceS3, customS3, infosumS3, labraOppsync, operataCloudCollector];

/** The blueprint of that id, at the newest version or exactly the one asked for; undefined when there is none. */
export function findBlueprint(id: string, version?: string): Blueprint | undefined {
  return blueprints.find((blueprint) => blueprint.id === id && (version === undefined || blueprint.version === version));
}
