import { Provider } from "@pulumi/aws/provider.js";
import type { Place } from "./program.ts";

/**
 * A program's only AWS provider. It names a profile, never a credential: each operation writes the file behind the profile. So state
 * contains no secret, and a destroy still works after the role or the external id has changed. `allowedAccountIds` pins the account. The
 * host's metadata service is never asked.
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
