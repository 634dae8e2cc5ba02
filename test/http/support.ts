/** The real application on a real socket, over services that remember what they were asked. */
import http from "node:http";
import { PassThrough } from "node:stream";
import { after } from "node:test";
import { Registry } from "prom-client";
import { createApp } from "../../src/http/server/app.ts";
import { listen } from "../../src/http/server/server.ts";
import type { Services } from "../../src/http/services.ts";
import type { IntegrationView, TenantView } from "../../src/http/views/schemas.ts";
import type { PolicyDocument } from "../../src/iam/words/policy-document.ts";
import { createLog } from "../../src/log.ts";
import { type Caller, scopes } from "../../src/model/caller.ts";
import type { Operation, OperationEvent } from "../../src/model/operation.ts";
import { ProblemError } from "../../src/problem.ts";
import type { IdempotentRequest, StoredAnswer } from "../../src/store/idempotency.ts";

const now = "2026-11-22T02:00:00.000Z";

export const tenantFixture: TenantView = {
  name: "acme",
  accountId: "111122223333",
  region: "eu-west-1",
  access: { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/DrawbridgeProvisioning" },
  tags: { team: "data" },
  provisioning: { externalId: "drawbridge-3b5f", trustPolicy: { Version: "2012-10-17", Statement: [] } },
  createdAt: now,
  updatedAt: now,
};

export const tenantBodyFixture = {
  accountId: "111122223333",
  region: "eu-west-1",
  access: { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/DrawbridgeProvisioning" },
};

export const integrationBodyFixture = { blueprint: "vendor-s3", parameters: { bucket: "acme-data" } };

const stack = { kind: "role", project: "drawbridge", stack: "role.c1-0a1b2c3d", backendUrl: "s3://state/tenants/acme" } as const;

export const policyFixture = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/*" }],
};
export const explainFixture = { principal: "arn:aws:iam::111122223333:role/x", action: "s3:GetObject", resource: "arn:aws:s3:::b/k" };
export const trustedFixture = { vendor: "metrics", principalArn: "arn:aws:iam::999988887777:role/reader" };

export const reconcileFixture = { source: { repository: "git@host:infra", revision: "4f2a9c1" }, manifests: [] };

export const keyBodyFixture = { subject: "acme-ci", tenants: ["acme"], scopes: ["read"] };

export const sourceFixture = { repository: "https://git.example/acme" };

/** A body that fits, for each route whose body isn't an integration's. */
export const bodyFixtures: Record<string, object> = {
  "PUT /v1/tenants/{tenant}": tenantBodyFixture,
  "POST /v1/tenants/{tenant}/keys/{key}/delete": { confirm: "op-1", days: 7 },
  "POST /v1/tenants/{tenant}/integrations/{name}/external-id": { externalId: "c1-0123456789abcdef" },
  "POST /v1/tenants/{tenant}/integrations/{name}/vendor-policy": { document: policyFixture },
  "POST /v1/tenants/{tenant}/integrations/{name}/adopt": { roleArn: "arn:aws:iam::111122223333:role/theirs" },
  "POST /v1/tenants/{tenant}/explain": explainFixture,
  "PUT /v1/trusted-principals/{id}": trustedFixture,
  "POST /v1/operations/{id}/approve": { planHash: "0".repeat(64) },
  "POST /v1/operations/{id}/cancel": { force: true },
  "POST /v1/reconcile": reconcileFixture,
  "POST /v1/keys": keyBodyFixture,
  "PUT /v1/sources/{source}": sourceFixture,
  "PUT /v1/pause": { reason: "an audit" },
  "PUT /v1/tenants/{tenant}/pause": { reason: "an audit" },
  "POST /v1/tenants/{tenant}/detect-drift": {},
  "POST /v1/tenants/{tenant}/integrations/{name}/detect-drift": {},
  "POST /v1/keys/{id}/rotate": { overlapMinutes: 5 },
  "POST /v1/freeze": { reason: "an incident" },
};

export const operationFixture: Operation = {
  id: "op-1",
  kind: "up",
  state: "queued",
  tenant: "acme",
  integration: "c1",
  stacks: [stack],
  attempt: 1,
  createdAt: now,
};

export const integrationFixture: IntegrationView = {
  tenant: "acme",
  name: "c1",
  blueprint: "vendor-s3",
  vendor: "vendor",
  version: "1.0.0",
  parameters: { bucket: "acme-data" },
  settings: {},
  externalIds: [{ fingerprint: "sha256:0123456789ab", since: now }],
  handshake: { state: "role-ready", awaiting: [] },
  stacks: [{ ...stack, status: "up" }],
  outputs: {},
  createdAt: now,
  updatedAt: now,
};

const blueprint = {
  id: "vendor-s3",
  vendor: "vendor",
  version: "1.0.0",
  title: "A vendor",
  source: { document: "guide", date: "2026-01-01" },
  parameters: { type: "object" },
  access: ["Reads the bucket"],
  handOff: [{ field: "Role", what: "its ARN" }],
};

const keyFixture = {
  id: "op-1",
  subject: "acme-ci",
  tenants: ["acme"],
  scopes: ["read" as const],
  createdBy: "admin",
  createdAt: now,
};

const proof = { verdict: "green", trust: "open", rows: [], digests: {}, notCovered: [], acceptedBreadth: [], at: now } as const;

export const eventOf = (seq: number, type = "step"): OperationEvent => ({ seq, at: now, type, data: { step: seq } });

/** Tokens that the application under test knows. */
export const callers: Record<string, Caller> = {
  "admin-token": { subject: "admin", tenants: "*", scopes },
  "acme-token": { subject: "acme-ci", tenants: ["acme"], scopes },
  "beta-token": { subject: "beta-ci", tenants: ["beta"], scopes },
  ...Object.fromEntries(scopes.map((scope) => [`only-${scope}`, { subject: `only-${scope}`, tenants: "*", scopes: [scope] }])),
};

export type Call = [method: string, ...args: unknown[]];

/** Services that hold tenant acme with integration c1 and operation op-1, and nothing else. */
export function fakeServices(calls: Call[], logged: PassThrough): Services {
  const here = (is: boolean) => {
    if (!is) throw new ProblemError("not_found", "No such thing, says the store, and this text must not get out.");
  };
  const note = (...call: Call) => void calls.push(call);
  const kept = new Map<string, { bodyHash: string; answer?: StoredAnswer }>();
  const id = (request: IdempotentRequest) => JSON.stringify([request.caller, request.route, request.key]);
  return {
    log: createLog({ level: "info", stream: logged }),
    metrics: new Registry(),
    version: "0.1.0",
    findCaller: async (token) => callers[token],
    idempotency: {
      begin: async (request) => {
        const before = kept.get(id(request));
        if (!before) {
          kept.set(id(request), { bodyHash: request.bodyHash });
          return "new";
        }
        if (before.bodyHash !== request.bodyHash) return "mismatch";
        return before.answer ? { replay: before.answer } : "in-flight";
      },
      finish: async (request, answer) =>
        void kept.set(id(request), { bodyHash: request.bodyHash, answer: JSON.parse(JSON.stringify(answer)) }),
      release: async (request) => void kept.delete(id(request)),
    },
    putTenant: async (caller, name, body, options) => {
      note("putTenant", caller.subject, name, body, options);
      return { created: name !== "acme", tenant: { ...tenantFixture, name }, etag: "t1" };
    },
    getTenant: async (_caller, name) => {
      here(name === "acme");
      return { tenant: tenantFixture, etag: "t1" };
    },
    listTenants: async (caller, page) => {
      note("listTenants", caller.subject, page);
      return { items: [tenantFixture], nextCursor: null };
    },
    deleteTenant: async (_caller, name, options) => {
      here(name === "acme" || name === "busy");
      note("deleteTenant", name, options);
      return name === "busy" ? { operation: { ...operationFixture, kind: "offboard" } } : {};
    },
    listReceipts: async (tenant) => {
      here(tenant === "acme");
      return [];
    },
    cancelOperation: async (_caller, id, options) => {
      here(id === "op-1");
      note("cancelOperation", id, options);
      return operationFixture;
    },
    setRevocation: async (_caller, request) => {
      note("setRevocation", request);
      return { operation: operationFixture };
    },
    listBlueprints: async () => [blueprint],
    getBlueprint: async (wanted) => {
      here(wanted === blueprint.id);
      return blueprint;
    },
    verifyIntegration: async (_caller, { tenant, name }) => {
      here(tenant === "acme" && name === "c1");
      note("verifyIntegration", tenant, name);
      return { operation: { ...operationFixture, kind: "verify" } };
    },
    rotateExternalId: async (_caller, request) => {
      here(request.tenant === "acme" && request.name === "c1");
      note("rotateExternalId", request);
      return { operation: { ...operationFixture, kind: "rotate" } };
    },
    getBootstrap: async (tenant) => {
      here(tenant === "acme");
      const document: PolicyDocument = { Version: "2012-10-17", Statement: [{ Effect: "Deny", Action: "*", Resource: "*" }] };
      return { roleName: "DrawbridgeProvisioning", trustPolicy: document, permissionsPolicy: document, template: {} };
    },
    adoptRole: async (_caller, request) => {
      here(request.tenant === "acme" && request.name === "c1");
      note("adoptRole", request);
      return { operation: { ...operationFixture, kind: "rotate" } };
    },
    supplyVendorPolicy: async (_caller, request) => {
      here(request.tenant === "acme" && request.name === "c1");
      note("supplyVendorPolicy", request);
      return { operation: operationFixture };
    },
    approveOperation: async (_caller, wanted, planHash) => {
      here(wanted === "op-1");
      note("approveOperation", wanted, planHash);
      return operationFixture;
    },
    discardOperation: async (_caller, wanted) => {
      here(wanted === "op-1");
      note("discardOperation", wanted);
      return operationFixture;
    },
    explainAccess: async (tenant) => {
      here(tenant === "acme");
      return { decision: "allowed", sentences: ["It is."], deciding: [] };
    },
    putTrustedPrincipal: async (caller, principal) => {
      note("putTrustedPrincipal", caller.subject, principal);
      return { ...principal, addedBy: caller.subject, createdAt: "2026-11-01T00:00:00.000Z" };
    },
    getTrustedPrincipal: async (wanted) => {
      here(wanted === "op-1");
      return {
        id: wanted,
        vendor: "metrics",
        principalArn: "arn:aws:iam::999988887777:root",
        addedBy: "admin",
        createdAt: "2026-11-01T00:00:00.000Z",
      };
    },
    deleteTrustedPrincipal: async (wanted) => {
      here(wanted === "op-1");
      note("deleteTrustedPrincipal", wanted);
    },
    getHandOff: async ({ tenant, name }) => {
      here(tenant === "acme" && name === "c1");
      const { blueprint: id, version } = integrationFixture;
      const facts = { integration: name, title: "Vendor", blueprint: id, version, source: { document: "Guide", date: "2026-11-01" } };
      const account = { accountId: "111122223333", region: "eu-west-1", partition: "aws" };
      return { json: { ...facts, ...account, fields: [], documents: [], template: {} }, markdown: "# Vendor" };
    },
    listKeys: async (tenant) => {
      here(tenant === "acme");
      return [];
    },
    deleteKey: async (caller, request) => {
      here(request.tenant === "acme");
      note("deleteKey", caller.subject, request);
      return { operation: operationFixture };
    },
    refuseUnreadable: () => {},
    putIntegration: async (caller, put) => {
      note("putIntegration", caller.subject, put);
      const { tenant, name } = put;
      const integration = { ...integrationFixture, tenant, name };
      if (put.body.version === "1.0.0") return { outcome: "unchanged", integration, etag: "i1" };
      return { outcome: "accepted", integration, etag: "i2", operation: { ...operationFixture, tenant, integration: name } };
    },
    getIntegration: async (_caller, { tenant, name }) => {
      here(tenant === "acme" && name === "c1");
      return { integration: integrationFixture, etag: "i1" };
    },
    listIntegrations: async (_caller, tenant, page) => {
      here(tenant === "acme");
      note("listIntegrations", tenant, page);
      return { items: [integrationFixture], nextCursor: "next" };
    },
    deleteIntegration: async (_caller, address) => {
      here(address.tenant === "acme" && address.name === "c1");
      note("deleteIntegration", address);
      return { operation: { ...operationFixture, kind: "destroy" } };
    },
    previewIntegration: async (_caller, preview) => {
      note("previewIntegration", preview);
      return { operation: { ...operationFixture, kind: "preview" } };
    },
    getProof: async (_caller, { tenant, name }) => {
      here(tenant === "acme" && name === "c1");
      return { ...proof, rows: [], notCovered: [], acceptedBreadth: [] };
    },
    reconcile: async (caller, body) => {
      note("reconcile", caller.subject, body);
      return { operation: { ...operationFixture, kind: "reconcile" } };
    },
    detectDrift: async (caller, request) => {
      here(request.tenant === "acme" && (request.name ?? "c1") === "c1");
      note("detectDrift", caller.subject, request);
      return { operation: { ...operationFixture, kind: "detect-drift" } };
    },
    getDrift: async (_caller, { tenant, name }) => {
      here(tenant === "acme" && name === "c1");
      return { verdict: "none", access: "same", differences: [], at: now, operation: "op-1" };
    },
    pause: async (caller, request) => {
      here((request.tenant ?? "acme") === "acme");
      note("pause", caller.subject, request);
    },
    resume: async (caller, request) => note("resume", caller.subject, request),
    putSource: async (caller, name, body) => {
      note("putSource", caller.subject, name, body);
      return { created: name !== "acme", source: { name, kind: "pull", createdAt: now, ...body } };
    },
    getSource: async (name) => {
      here(name === "acme");
      return { name, kind: "push", repository: "https://git.example/acme", createdAt: now };
    },
    listSources: async () => ({ items: [], nextCursor: null }),
    deleteSource: async (name) => here(name === "acme"),
    fetchSource: async (_caller, name) => {
      here(name === "acme");
      return { operation: { ...operationFixture, kind: "reconcile" } };
    },
    receiveDelivery: async (source, { bytes }) => {
      if (source === "acme")
        return Buffer.from(bytes).toString() === "push" ? { operation: operationFixture } : { ignored: "It is a ping." };
      throw new ProblemError("unauthenticated", "The delivery isn't signed with this source's secret.");
    },
    listPauses: async () => [{ scope: "service", reason: "freeze", requestedBy: "admin", since: now }],
    getOperation: async (caller, wanted) => {
      here(wanted === "op-1" && (caller.tenants === "*" || caller.tenants.includes("acme")));
      return operationFixture;
    },
    listOperations: async (_caller, filters) => {
      note("listOperations", filters);
      return { items: [operationFixture], nextCursor: null };
    },
    eventsAfter: async (_caller, wanted, after, limit) => {
      here(wanted === "op-1");
      return [1, 2, 3]
        .filter((seq) => seq > after)
        .slice(0, limit)
        .map((seq) => eventOf(seq));
    },
    followEvents: async function* (_caller, _id, after) {
      for (const seq of [1, 2, 3]) if (seq > after) yield eventOf(seq);
    },
    makeApiKey: async (caller, body) => {
      note("makeApiKey", caller.subject, body);
      return { ...keyFixture, key: "dbk_shown-once" };
    },
    listApiKeys: async () => ({ items: [keyFixture], nextCursor: null }),
    rotateApiKey: async (_caller, wanted) => {
      here(wanted === "op-1");
      return { ...keyFixture, key: "dbk_shown-once" };
    },
    deleteApiKey: async (wanted) => here(wanted === "op-1"),
    audited: async (_caller, _facts, run) => run(),
    noteRefusal: () => {},
    listAudit: async (caller, filters) => {
      note("listAudit", caller.subject, filters);
      return { items: [{ id: "a-1", at: now, phase: "intent", action: "PUT /v1/tenants/{tenant}", subject: "admin" }], nextCursor: null };
    },
    exportAudit: async () => [],
    frozen: () => undefined,
    freeze: async (caller, reason) => ({ reason, requestedBy: caller.subject, since: now }),
    unfreeze: async () => {},
    countRequest: async () => {},
    keepPace: async () => {},
    readiness: async () => ({
      ready: true,
      checks: [{ name: "plugin", ok: true, detail: "stand-in 7.48.0", plugin: "stand-in", version: "7.48.0" }],
    }),
  };
}

export interface CallOptions {
  token?: string | null;
  headers?: http.OutgoingHttpHeaders;
  /** An object is sent as JSON; text and bytes as they are. */
  body?: unknown;
}

/** JSON to look into without knowing its shape. */
export interface Loose {
  readonly [key: string]: Loose;
}

export interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  /** {} where the answer isn't JSON. */
  json: Loose;
}

export interface Running {
  url: string;
  calls: Call[];
  services: Services;
  /** The log's lines so far. */
  lines(): Record<string, unknown>[];
  /** Sends exactly this method and path: nothing is normalised on the way. */
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  close(): Promise<void>;
}

const running: { close(graceMs: number): Promise<void> }[] = [];
// A test that failed before its own close must not keep the process alive
after(() => Promise.all(running.map((server) => server.close(0))));

/** Starts the application on a free port of the loopback. */
export async function start(overrides: Partial<Services> = {}): Promise<Running> {
  const calls: Call[] = [];
  const logged = new PassThrough();
  let text = "";
  logged.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const services = { ...fakeServices(calls, logged), ...overrides };
  const server = await listen(createApp(services), { host: "127.0.0.1", port: 0 });
  running.push(server);
  return {
    url: server.url,
    calls,
    services,
    lines: () =>
      text
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    call: (method, path, options = {}) => send(server.url, method, path, options),
    close: () => server.close(0),
  };
}

function send(url: string, method: string, path: string, options: CallOptions): Promise<Reply> {
  const { token = "admin-token", body } = options;
  const raw = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const all: http.OutgoingHttpHeaders = {
    ...(token !== null && { authorization: `Bearer ${token}` }),
    ...(raw !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(raw) }),
    ...options.headers,
  };
  const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = /json/.test(response.headers["content-type"] ?? "") && text !== "";
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} });
      });
    });
    request.on("error", reject);
    request.end(raw);
  });
}
