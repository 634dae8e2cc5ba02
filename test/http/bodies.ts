/** Valid bodies for the records of seed.ts, and the names of those records. */
import type { Route } from "../../src/http/server/route.ts";

export const accountId = "111122223333";

export const tenantBodyFixture = {
  accountId,
  region: "eu-west-1",
  access: { mode: "assume-role", roleArn: `arn:aws:iam::${accountId}:role/DrawbridgeProvisioning` },
};

export const integrationBodyFixture = { blueprint: "conductorone-s3", parameters: { bucket: "acme-data" } };

export const policyFixture = {
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject"], Resource: "arn:aws:s3:::ace-apn-33333-prod-us-west-2/*" },
    { Effect: "Allow", Action: "s3:ListBucket", Resource: "arn:aws:s3:::ace-apn-33333-prod-us-west-2" },
  ],
};
export const explainFixture = { principal: `arn:aws:iam::${accountId}:role/x`, action: "s3:GetObject", resource: "arn:aws:s3:::b/k" };
export const trustedFixture = { vendor: "metrics", principalArn: "arn:aws:iam::999988887777:role/reader" };
export const reconcileFixture = { source: { repository: "git@host:infra", revision: "4f2a9c1" }, manifests: [] };
export const keyBodyFixture = { subject: "acme-ci", tenants: ["acme"], scopes: ["read"] };
export const sourceFixture = { repository: "https://git.example/acme" };
export const planHashFixture = "0".repeat(64);

/** A valid body for each route, except the routes whose body is an integration. */
export const bodyFixtures: Record<string, object> = {
  "PUT /v1/tenants/{tenant}": { ...tenantBodyFixture, tags: { team: "data" } },
  "POST /v1/tenants/{tenant}/keys/{key}/delete": { confirm: "c1", days: 7 },
  "POST /v1/tenants/{tenant}/integrations/{name}/external-id": { externalId: "c1-0123456789abcdef" },
  "POST /v1/tenants/{tenant}/integrations/{name}/vendor-policy": { document: policyFixture },
  "POST /v1/tenants/{tenant}/integrations/{name}/adopt": { roleArn: `arn:aws:iam::${accountId}:role/ConductorOneIntegration` },
  "POST /v1/tenants/{tenant}/explain": explainFixture,
  "PUT /v1/trusted-principals/{id}": trustedFixture,
  "POST /v1/operations/{id}/approve": { planHash: planHashFixture },
  "POST /v1/operations/{id}/cancel": { force: true },
  "POST /v1/reconcile": reconcileFixture,
  "POST /v1/keys": keyBodyFixture,
  "PUT /v1/sources/{source}": sourceFixture,
  "PUT /v1/pause": { reason: "an audit" },
  "PUT /v1/tenants/{tenant}/pause": { reason: "an audit" },
  "POST /v1/tenants/{tenant}/detect-drift": {},
  "POST /v1/tenants/{tenant}/integrations/{name}/detect-drift": {},
  "POST /v1/keys/{id}/rotate": { overlapMinutes: 5 },
  "POST /v1/claims/grants": { tenant: "acme", resource: "bucket/acme-shared" },
  "POST /v1/claims/release": { accountId },
  "POST /v1/freeze": { reason: "an incident" },
};

/** A grant of a claim. */
export const grantFixture = "00000000-0000-4000-8000-0000000000c1";

/** The operation of integration `ace` whose plan waits for approval. */
export const heldOperation = "00000000-0000-4000-8000-0000000000a1";
const ids: Record<string, string> = { tenant: "acme", name: "c1", key: "c1", source: "acme", vendor: "conductorone", asset: "start.js" };

/** The path of a route, filled with the names of the records of seed.ts; `values` replace some of the names. */
export function pathOf(route: Pick<Route, "path">, values: Record<string, string> = {}): string {
  const id = route.path.startsWith("/v1/operations")
    ? heldOperation
    : route.path.startsWith("/v1/blueprints")
      ? "conductorone-s3"
      : route.path.startsWith("/v1/claims")
        ? grantFixture
        : route.path.startsWith("/v1/keys")
          ? "key-1"
          : "reader";
  const name = route.path.endsWith("/vendor-policy") ? "ace" : undefined;
  const all: Record<string, string> = { ...ids, id, ...(name !== undefined && { name }), ...values };
  return route.path.replaceAll(/\{(\w+)\}/g, (_all, key: string) => all[key] ?? "");
}
