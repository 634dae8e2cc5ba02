/** All routes. */

import type { Route } from "../server/route.ts";
import { apiKeyRoutes } from "./admin/api-keys.ts";
import { auditRoutes } from "./admin/audit.ts";
import { claimRoutes } from "./admin/claims.ts";
import { freezeRoutes } from "./admin/freeze.ts";
import { trustedPrincipalRoutes } from "./admin/trusted-principals.ts";
import { adoptRoutes } from "./adopt.ts";
import { approvalRoutes } from "./approvals.ts";
import { blueprintRoutes } from "./blueprints.ts";
import { bootstrapRoutes } from "./bootstrap.ts";
import { cancelRoutes } from "./cancel.ts";
import { docsRoutes } from "./docs.ts";
import { driftRoutes } from "./drift.ts";
import { explainRoutes } from "./explain.ts";
import { handOffRoutes } from "./hand-off.ts";
import { handshakeRoutes } from "./handshake.ts";
import { integrationRoutes } from "./integrations.ts";
import { keyRoutes } from "./keys.ts";
import { manifestRoutes } from "./manifests.ts";
import { operationRoutes } from "./operations.ts";
import { reconcileRoutes } from "./reconcile.ts";
import { vendorRoutes } from "./revoke.ts";
import { sourceRoutes } from "./sources.ts";
import { systemRoutes } from "./system.ts";
import { tenantRoutes } from "./tenants.ts";
import { webhookRoutes } from "./webhooks.ts";

export const routes: readonly Route[] = [
  ...tenantRoutes,
  ...bootstrapRoutes,
  ...integrationRoutes,
  ...handshakeRoutes,
  ...adoptRoutes,
  ...handOffRoutes,
  ...keyRoutes,
  ...explainRoutes,
  ...trustedPrincipalRoutes,
  ...claimRoutes,
  ...blueprintRoutes,
  ...vendorRoutes,
  ...operationRoutes,
  ...cancelRoutes,
  ...approvalRoutes,
  ...reconcileRoutes,
  ...sourceRoutes,
  ...webhookRoutes,
  ...driftRoutes,
  ...manifestRoutes,
  ...apiKeyRoutes,
  ...auditRoutes,
  ...freezeRoutes,
  ...systemRoutes,
  ...docsRoutes(() => routes),
];

/**
 * The routes of each listener if administrators have their own. Only that one has `/healthz`, `/readyz` and `/metrics`, and with
 * `adminScope` every route that needs the scope `admin`.
 */
export function splitRoutes({ adminScope }: { adminScope: boolean }): { main: Route[]; admin: Route[] } {
  const isAdmin = (route: Route) => systemRoutes.includes(route) || (adminScope && route.scope === "admin");
  return { main: routes.filter((route) => !isAdmin(route)), admin: routes.filter(isAdmin) };
}
