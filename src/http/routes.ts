/** Every route there is. */
import { blueprintRoutes } from "./blueprints.ts";
import { docsRoutes } from "./docs.ts";
import { integrationRoutes } from "./integrations.ts";
import { keyRoutes } from "./keys.ts";
import { operationRoutes } from "./operations.ts";
import type { Route } from "./route.ts";
import { systemRoutes } from "./system.ts";
import { tenantRoutes } from "./tenants.ts";

export const routes: readonly Route[] = [
  ...tenantRoutes,
  ...integrationRoutes,
  ...keyRoutes,
  ...blueprintRoutes,
  ...operationRoutes,
  ...systemRoutes,
  ...docsRoutes(() => routes),
];
