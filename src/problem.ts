/**
 * Every refusal and failure of Drawbridge. A code is stable: clients branch on it, and the docs list it.
 *
 * `retry` tells a client what to do: `never` (the request itself is wrong), `later` (the same request may work later), `after-change`
 * (somebody must change something first, here or in AWS).
 */
export type Retry = "never" | "later" | "after-change";

interface Kind {
  /** HTTP status (RFC 9110) if the problem is an answer. A problem of an operation is in `error`, under status 200. */
  status: number;
  retry: Retry;
  title: string;
}

const kind = (status: number, retry: Retry, title: string): Kind => ({ status, retry, title });

export const problemKinds = {
  // The request can't be read
  malformed_body: kind(400, "never", "The body can't be read"),
  invalid_request: kind(400, "never", "The request doesn't fit its schema"),
  body_too_large: kind(413, "never", "The body is too large"),
  unsupported_media_type: kind(415, "never", "The body isn't UTF-8 JSON"),
  not_found: kind(404, "never", "There is no such thing here"),
  method_not_allowed: kind(405, "never", "This resource doesn't take that method"),
  // The caller
  unauthenticated: kind(401, "after-change", "A valid bearer token is needed"),
  forbidden: kind(403, "after-change", "The caller may not do this"),
  // The current state conflicts with the request
  tenant_offboarding: kind(409, "after-change", "The tenant is being offboarded"),
  account_already_registered: kind(409, "after-change", "The account is registered already"),
  claimed_by_another: kind(409, "after-change", "Another tenant of the account uses this resource"),
  immutable_field: kind(409, "never", "This field can't change"),
  role_name_taken: kind(409, "after-change", "The role name is taken"),
  external_id_superseded: kind(409, "never", "This external id was replaced"),
  external_id_taken: kind(409, "after-change", "This external id is in use"),
  idempotency_in_flight: kind(409, "later", "A request with this key is still running"),
  stale_revision: kind(409, "never", "A newer revision was reconciled already"),
  managed_by_source: kind(409, "after-change", "A source owns this"),
  paused: kind(409, "after-change", "Automation is paused here"),
  precondition_failed: kind(412, "after-change", "The resource has changed since"),
  precondition_required: kind(428, "after-change", "If-Match is needed"),
  idempotency_key_reused: kind(422, "never", "This key was used with another body"),
  plan_stale: kind(409, "after-change", "The plan isn't what would be done now"),
  author_without_rights: kind(403, "after-change", "The author of the change may no longer make it"),
  approver_is_requester: kind(403, "after-change", "Somebody else has to approve this"),
  not_approved: kind(409, "after-change", "Nobody has approved this yet"),
  not_awaiting_approval: kind(409, "never", "The operation awaits no approval"),
  untrusted_principal: kind(422, "after-change", "The principal isn't on the list of trusted ones"),
  vendor_policy_refused: kind(422, "never", "The vendor's policy can't be attached"),
  // Readable, but refused
  unknown_blueprint: kind(422, "never", "There is no such blueprint"),
  invalid_parameters: kind(422, "never", "The blueprint refuses these parameters"),
  access_mode_disabled: kind(422, "after-change", "This access mode is switched off"),
  guardrail: kind(422, "never", "A guardrail refuses the document"),
  // AWS prevents it (preflight and later)
  account_unreachable: kind(422, "after-change", "The account can't be entered"),
  account_mismatch: kind(422, "after-change", "The credentials belong to another account"),
  provisioning_role_open: kind(422, "after-change", "The provisioning role opens without its external id"),
  bucket_not_found: kind(422, "after-change", "The bucket doesn't exist"),
  bucket_wrong_region: kind(422, "after-change", "The bucket is in another region"),
  bucket_not_owned: kind(422, "after-change", "The bucket belongs to another account"),
  stale_principal: kind(422, "after-change", "A policy names a deleted principal"),
  encryption_mismatch: kind(422, "after-change", "The bucket's encryption differs from the parameters"),
  key_not_usable: kind(422, "after-change", "The key can't be used"),
  key_wrong_region: kind(422, "after-change", "The key is in another region"),
  role_replacement_refused: kind(422, "never", "A role is never replaced"),
  adopt_differs: kind(422, "after-change", "The role isn't what the integration would make"),
  key_in_use: kind(409, "after-change", "The key is in use"),
  confirmation_mismatch: kind(422, "never", "The confirmation doesn't name it"),
  key_policy_denies: kind(422, "after-change", "The key's policy denies the vendor's role"),
  foreign_deny: kind(422, "after-change", "A statement of somebody else's denies the grant"),
  policy_too_large: kind(422, "after-change", "The merged policy is too large"),
  public_policy_blocked: kind(422, "after-change", "The bucket blocks public policies and has one"),
  // Too much at once
  too_many_operations: kind(429, "later", "Too many operations are open"),
  rate_limited: kind(429, "later", "Too many requests"),
  frozen: kind(503, "later", "Everything is frozen"),
  // The operation fails
  aws_denied: kind(422, "after-change", "AWS refused a call"),
  aws_throttled: kind(503, "later", "AWS asked us to slow down"),
  aws_rejected: kind(422, "after-change", "AWS rejected a request"),
  update_failed: kind(500, "later", "The Pulumi update failed"),
  update_unknown: kind(500, "later", "The Pulumi update ended without a result"),
  state_damaged: kind(500, "after-change", "The stack's state is damaged"),
  stack_locked: kind(409, "later", "The stack is locked"),
  operation_timeout: kind(504, "later", "The operation took too long"),
  operation_interrupted: kind(503, "later", "The operation was interrupted"),
  lease_timeout: kind(503, "later", "Another operation holds the stack"),
  consistency_timeout: kind(503, "later", "AWS hasn't settled"),
  proof_failed: kind(422, "after-change", "The proof is red"),
  proof_failed_contained: kind(422, "after-change", "The proof is red and the trust was closed"),
  revoke_incomplete: kind(500, "later", "Not every trust could be closed"),
  reconcile_refused: kind(422, "after-change", "Some manifests were refused, so none was applied"),
  reconcile_incomplete: kind(422, "after-change", "Not every manifest could be applied"),
  source_unreachable: kind(422, "later", "The repository can't be fetched"),
  leftovers: kind(500, "later", "Something is left after the teardown"),
  plugin_refused: kind(503, "after-change", "The AWS plugin can't be used here"),
  program_not_pinned: kind(503, "after-change", "The CLI or the plugin isn't the pinned one"),
  storage_full: kind(507, "later", "A disk is full"),
  not_ready: kind(503, "later", "The service isn't ready"),
  internal: kind(500, "later", "Drawbridge has a fault"),
} satisfies Record<string, Kind>;

export type ProblemCode = keyof typeof problemKinds;

/** A problem as an operation's `error` stores it. The HTTP layer adds `type`, `title` and `status` of RFC 9457. */
export interface Problem {
  code: ProblemCode;
  retry: Retry;
  /** What was being done and what to do next, in sentences. Never stderr, a stack trace, policy text or an external id. */
  detail: string;
  /** RFC 6901 pointer into the request body, if one field causes the problem. */
  pointer?: string;
  /** The error code or event of the underlying service, for support. */
  cause?: string;
}

/** The RFC 6901 pointer to a path in a document. */
export function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** A refusal or failure with a stable code. Any code may throw it. Only the HTTP layer turns it into an answer. */
export class ProblemError extends Error {
  override name = "ProblemError";
  readonly problem: Problem;
  /** Seconds after which a retry makes sense, if known. */
  readonly retryAfter: number | undefined;
  constructor(code: ProblemCode, detail: string, more: { pointer?: string; cause?: string; retryAfter?: number } = {}) {
    super(`${code}: ${detail}`);
    const { retryAfter, ...told } = more;
    this.retryAfter = retryAfter;
    this.problem = { code, retry: problemKinds[code].retry, detail, ...told };
  }
}

/** The problem of any thrown value. Anything but a ProblemError becomes `internal`, without its text, which may hold anything. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof ProblemError) return thrown.problem;
  if (isDiskFull(thrown)) return diskFull.problem;
  const cause = thrown instanceof Error ? thrown.name : typeof thrown;
  return {
    code: "internal",
    retry: "later",
    detail: "An unexpected fault stopped this. Try again; if it stays, give the request id to the operators.",
    cause,
  };
}

const diskFull = new ProblemError(
  "storage_full",
  "A disk that Drawbridge writes to, or the database's, is full. Once there is space the same request works.",
);

/**
 * Whether the error or one of its causes is Node's code for a full disk or quota, or PostgreSQL's disk_full (PostgreSQL manual, appendix
 * A).
 */
function isDiskFull(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const { code } = thrown as { code?: unknown };
  return code === "ENOSPC" || code === "EDQUOT" || code === "53100" || isDiskFull(thrown.cause);
}
