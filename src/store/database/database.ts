/** The tables, as Kysely sees them. Each migration file makes one change to them (migrations/). */
import type { ColumnType, Generated, JSONColumnType } from "kysely";
import type { Proof } from "../../iam/contract/contract.ts";
import type { AuditEntry } from "../../model/audit-entry.ts";
import type { Scope } from "../../model/caller.ts";
import type { DriftRecord } from "../../model/drift.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import type { OperationKind, OperationState } from "../../model/operation.ts";
import type { SourceRecord } from "../../model/source.ts";
import type { TenantRecord } from "../../model/tenant.ts";
import type { Problem } from "../../problem.ts";

/** Written as JSON text, because node-postgres would turn a JavaScript array into a PostgreSQL array. Read as parsed JSON. */
type Json<T> = ColumnType<T, string, string>;
type NullableJson<T> = ColumnType<T | null, string | null | undefined, string | null>;
type Timestamp = ColumnType<Date, string | undefined, string>;
type NullableTimestamp = ColumnType<Date | null, string | null | undefined, string | null>;

interface TenantsTable {
  name: string;
  account_id: string;
  /** Offboarded: it stays as a tombstone, and lookups don't find it */
  gone: Generated<boolean>;
  record: JSONColumnType<TenantRecord>;
}

/** The tenants that have, or had, an account. */
interface ClaimsTable {
  account_id: string;
  resource: string;
  tenant: string;
  since: Generated<Date>;
  /** Whether it excludes other tenants; a claim that nobody has confirmed doesn't */
  held: Generated<boolean>;
}

interface ResourceClaimsTable {
  account_id: string;
  resource: string;
  tenant: string;
  integration: string;
  since: Generated<Date>;
}

interface ClaimGrantsTable {
  id: string;
  account_id: string;
  resource: string;
  tenant: string;
  /** The administrator's subject */
  granted_by: string;
  since: Generated<Date>;
}

interface IntegrationsTable {
  tenant: string;
  name: string;
  vendor: string;
  gone: boolean;
  record: JSONColumnType<IntegrationRecord>;
  proof: NullableJson<Proof>;
}

interface ExternalIdsTable {
  vendor: string;
  /** SHA-256 (hex) of the lower-cased id */
  digest: string;
  tenant: string;
  /** The tenant's integrations that use it, by name */
  integrations: string[];
}

export interface OperationsTable {
  id: string;
  /** The order of acceptance; a stable key for lists */
  position: Generated<number>;
  kind: OperationKind;
  state: OperationState;
  tenant: string | null;
  integration: string | null;
  parent: string | null;
  stacks: Json<unknown[]>;
  attempt: Generated<number>;
  epoch: Generated<number>;
  last_seq: Generated<number>;
  plan_hash: string | null;
  superseded_by: string | null;
  request: Json<Record<string, unknown>>;
  requested_by: string;
  plugin: string | null;
  deadline_seconds: number;
  cancel_requested: Generated<boolean>;
  created_at: Timestamp;
  started_at: NullableTimestamp;
  finished_at: NullableTimestamp;
  result: NullableJson<Record<string, unknown>>;
  error: NullableJson<Problem>;
}

interface OperationEventsTable {
  operation: string;
  seq: number;
  at: Timestamp;
  type: string;
  data: Json<Record<string, unknown>>;
}

interface IdempotencyKeysTable {
  caller: string;
  route: string;
  key: string;
  body_hash: string;
  response: NullableJson<{ status: number; headers: Record<string, string>; body: unknown }>;
  created_at: Timestamp;
}

interface LeasesTable {
  resource: string;
  /** The operation that needs the lease; with the epoch it names the processes' marker */
  operation: string;
  /** One per service process */
  owner: string;
  runner: string | null;
  pid: number;
  process_start: string;
  host: string;
  epoch: number;
  heartbeat: Timestamp;
}

interface ReceiptsTable {
  tenant: string;
  /** From 1, without gaps per tenant */
  number: number;
  integration: string;
  receipt: JSONColumnType<Record<string, unknown>>;
  sha256: string;
}

interface VendorRevocationsTable {
  vendor: string;
  since: Timestamp;
  requested_by: string;
}

interface TrustedPrincipalsTable {
  id: string;
  vendor: string;
  principal_arn: string;
  added_by: string;
  created_at: Timestamp;
}

interface SourcesTable {
  name: string;
  record: JSONColumnType<SourceRecord>;
}

interface SourceMembersTable {
  kind: "Tenant" | "Integration";
  tenant: string;
  name: string;
  source: string;
  labels: Json<Record<string, string>>;
}

interface WebhookDeliveriesTable {
  source: string;
  key: string;
  at: Timestamp;
}

interface PausesTable {
  scope: string;
  reason: string;
  requested_by: string;
  since: Timestamp;
}

interface DriftTable {
  tenant: string;
  integration: string;
  checked_at: Timestamp;
  record: JSONColumnType<DriftRecord>;
}

interface ApiKeysTable {
  id: string;
  /** The id of the first key of its rotations; null for a key of an earlier release, which is its own first key */
  family: string | null;
  /** SHA-256 (hex) of the key */
  digest: string;
  subject: string;
  tenants: Json<"*" | string[]>;
  scopes: Json<Scope[]>;
  created_by: string;
  created_at: Timestamp;
  expires_at: NullableTimestamp;
  last_used_at: NullableTimestamp;
}

interface AuditTable {
  seq: number;
  entry: Json<AuditEntry>;
  previous: string;
  hash: string;
  // Generated from the entry
  id: ColumnType<string, never, never>;
  tenant: ColumnType<string | null, never, never>;
  subject: ColumnType<string, never, never>;
  action: ColumnType<string, never, never>;
  operation: ColumnType<string | null, never, never>;
  at: ColumnType<string, never, never>;
}

interface AuditHeadTable {
  one: Generated<boolean>;
  seq: number;
  hash: string;
}

interface FairQueueTable {
  lane: string;
  /** Empty for the lane itself */
  tenant: string;
  turn: number;
}

interface AccountRefusalsTable {
  role_arn: string;
  refusals: number;
  cause: string | null;
  since: Generated<Date>;
  closed_until: Date | null;
}

interface FreezeTable {
  one: Generated<boolean>;
  reason: string;
  requested_by: string;
  since: Timestamp;
}

export interface Database {
  api_keys: ApiKeysTable;
  audit: AuditTable;
  audit_head: AuditHeadTable;
  freezes: FreezeTable;
  turns: FairQueueTable;
  account_refusals: AccountRefusalsTable;
  sources: SourcesTable;
  source_members: SourceMembersTable;
  webhook_deliveries: WebhookDeliveriesTable;
  pauses: PausesTable;
  drift: DriftTable;
  trusted_principals: TrustedPrincipalsTable;
  tenants: TenantsTable;
  claims: ClaimsTable;
  resource_claims: ResourceClaimsTable;
  claim_grants: ClaimGrantsTable;
  integrations: IntegrationsTable;
  external_ids: ExternalIdsTable;
  operations: OperationsTable;
  operation_events: OperationEventsTable;
  idempotency_keys: IdempotencyKeysTable;
  leases: LeasesTable;
  receipts: ReceiptsTable;
  vendor_revocations: VendorRevocationsTable;
}
