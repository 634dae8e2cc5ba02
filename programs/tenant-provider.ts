import { Provider } from "@pulumi/aws/provider.js";
import type { Place } from "./program.ts";

/**
 * The one AWS provider of a program. It names a profile, never a credential: the file behind the profile is written per
 * operation, so state holds nothing secret and a destroy works after role or external id have changed.
 * `allowedAccountIds` pins the account; the metadata service of the host is never asked.
 */
export function tenantProvider(place: Place): Provider {
  return new Provider("tenant", {
    profile: "target",
    region: place.region,
    allowedAccountIds: [place.accountId],
    skipMetadataApiCheck: true,
    ...(place.pathStyle ? { s3UsePathStyle: true } : {}),
  });
}
