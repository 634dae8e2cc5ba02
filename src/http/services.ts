/**
 * Everything the HTTP layer may ask for: each handler makes one call into it. src/main.ts puts it together.
 *
 * Where a method takes a caller, the callee decides what that caller may see: a list holds only their tenants' things,
 * and a thing of a tenant they don't hold is `not_found`. Refusals are ProblemErrors; whatever else is thrown is a 500.
 */
import type { Registry } from "prom-client";
import type { Proof } from "../iam/contract/contract.ts";
import type { Log } from "../log.ts";
import type { Caller } from "../model/caller.ts";
import type { IntegrationBody } from "../model/integration.ts";
import type { Operation, OperationEvent, OperationKind, OperationState } from "../model/operation.ts";
import type { TenantBody } from "../model/tenant.ts";
import type { IdempotentRequest, StoredAnswer } from "../store/idempotency.ts";
import type { Reach } from "../tenants/bootstrap.ts";
import type { LifecycleServices } from "./lifecycle-services.ts";
import type { BootstrapView } from "./routes/bootstrap.ts";
import type { DriftView, PauseView } from "./routes/drift.ts";
import type { KeyView } from "./routes/keys.ts";
import type { ReconcileBody } from "./routes/reconcile.ts";
import type { SourceBody, SourceView } from "./routes/sources.ts";
import type { ReceiptView } from "./routes/tenants.ts";
import type { SecurityServices } from "./security-services.ts";
import type { IntegrationView, TenantView } from "./views/schemas.ts";

export interface PageRequest {
  /** 1 to 200 */
  limit: number;
  /** as an earlier page gave it */
  cursor?: string;
}

export interface Page<T> {
  items: T[];
  /** null on the last page */
  nextCursor: string | null;
}

export interface BlueprintView {
  id: string;
  vendor: string;
  version: string;
  title: string;
  /** The vendor's document that the recipe follows. */
  source: { document: string; date: string };
  /** JSON Schema (2020-12) */
  parameters: Record<string, unknown>;
  /** What the vendor may do, in words. */
  access: string[];
  handOff: { field: string; what: string }[];
}

export interface IntegrationAddress {
  tenant: string;
  name: string;
}

/** `ifMatch` is an entity tag without its quotes, or `*`. */
export interface IntegrationPut extends IntegrationAddress {
  body: IntegrationBody;
  ifMatch?: string;
}

export type IntegrationPutResult =
  | { outcome: "unchanged"; integration: IntegrationView; etag: string }
  | { outcome: "accepted"; integration: IntegrationView; etag: string; operation: Operation };

export interface OperationFilters extends PageRequest {
  tenant?: string;
  integration?: string;
  kind?: OperationKind;
  state?: OperationState;
}

export interface ReadinessCheck {
  /** `cli`, `plugin`, `store`, `state-bucket`, … */
  name: string;
  ok: boolean;
  /** A sentence without tenant data: anybody may read it. */
  detail: string;
  /** Of `plugin`: which one updates run on. */
  plugin?: "official" | "stand-in";
  version?: string;
}

export interface Readiness {
  ready: boolean;
  checks: ReadinessCheck[];
}

export interface Idempotency {
  /** `new` takes the key; the others leave it as it is. */
  begin(request: IdempotentRequest): Promise<"new" | "in-flight" | "mismatch" | { replay: StoredAnswer }>;
  /** Keeps a 2xx answer for 24 hours. */
  finish(request: IdempotentRequest, answer: StoredAnswer): Promise<void>;
  /** Frees the key: the request was refused or failed, so nothing was done that a repetition could do twice. */
  release(request: IdempotentRequest): Promise<void>;
}

export interface Services extends LifecycleServices, SecurityServices {
  log: Log;
  metrics: Registry;
  /** Of this build of Drawbridge. */
  version: string;
  /** The caller that a bearer token stands for; undefined for any that isn't valid. */
  findCaller(token: string): Promise<Caller | undefined>;
  idempotency: Idempotency;

  putTenant(
    caller: Caller,
    name: string,
    body: TenantBody,
    options: { ifMatch?: string },
  ): Promise<{ created: boolean; tenant: TenantView; etag: string }>;
  getTenant(caller: Caller, name: string): Promise<{ tenant: TenantView; etag: string }>;
  listTenants(caller: Caller, page: PageRequest): Promise<Page<TenantView>>;
  deleteTenant(caller: Caller, name: string, options: { ifMatch?: string }): Promise<{ operation?: Operation }>;
  getBootstrap(tenant: string, asked: Reach): Promise<BootstrapView>;
  /** In order; also of a tenant that was offboarded. */
  listReceipts(tenant: string): Promise<ReceiptView[]>;
  cancelOperation(caller: Caller, id: string, options: { force: boolean }): Promise<Operation>;
  setRevocation(caller: Caller, request: { vendor: string; to: "revoked" | "reinstated" }): Promise<{ operation: Operation }>;

  listBlueprints(): Promise<BlueprintView[]>;
  getBlueprint(id: string): Promise<BlueprintView>;

  /** Refuses, by itself and before anything is written down, a body that no integration could have. */
  refuseUnreadable(body: IntegrationBody): void;
  putIntegration(caller: Caller, put: IntegrationPut): Promise<IntegrationPutResult>;
  getIntegration(caller: Caller, address: IntegrationAddress): Promise<{ integration: IntegrationView; etag: string }>;
  listIntegrations(caller: Caller, tenant: string, page: PageRequest): Promise<Page<IntegrationView>>;
  deleteIntegration(caller: Caller, address: IntegrationAddress & { ifMatch?: string }): Promise<{ operation: Operation }>;
  previewIntegration(caller: Caller, preview: IntegrationAddress & { body: IntegrationBody }): Promise<{ operation: Operation }>;
  listKeys(tenant: string): Promise<KeyView[]>;
  deleteKey(caller: Caller, request: { tenant: string; key: string; confirm: string; days: number }): Promise<{ operation: Operation }>;
  getProof(caller: Caller, address: IntegrationAddress): Promise<Proof>;

  reconcile(caller: Caller, body: ReconcileBody): Promise<{ operation: Operation }>;
  detectDrift(caller: Caller, request: { tenant: string; name?: string; remediate: boolean }): Promise<{ operation: Operation }>;
  getDrift(caller: Caller, address: IntegrationAddress): Promise<DriftView>;
  /** Without a tenant the whole service. */
  pause(caller: Caller, request: { tenant?: string; reason: string }): Promise<void>;
  resume(caller: Caller, request: { tenant?: string }): Promise<void>;
  listPauses(): Promise<PauseView[]>;
  putSource(caller: Caller, name: string, body: SourceBody): Promise<{ created: boolean; source: SourceView }>;
  getSource(name: string): Promise<SourceView>;
  listSources(page: PageRequest): Promise<Page<SourceView>>;
  deleteSource(name: string): Promise<void>;
  fetchSource(caller: Caller, name: string): Promise<{ operation: Operation }>;
  /** A webhook's delivery, judged by its signature alone. */
  receiveDelivery(
    source: string,
    delivery: { bytes: Uint8Array; header(name: string): string | undefined },
  ): Promise<{ operation: { id: string } } | { ignored: string }>;

  getOperation(caller: Caller, id: string): Promise<Operation>;
  listOperations(caller: Caller, filters: OperationFilters): Promise<Page<Operation>>;
  /** Events with `seq` above `after`, in order, at most `limit`. */
  eventsAfter(caller: Caller, id: string, after: number, limit: number): Promise<OperationEvent[]>;
  /**
   * The same without end: ends by itself after the last event of an operation in a terminal state, and soon after
   * `signal` aborts.
   */
  followEvents(caller: Caller, id: string, after: number, signal: AbortSignal): AsyncIterable<OperationEvent>;

  readiness(): Promise<Readiness>;
}
