/** Where manifests come from, and what a source owns. */
import { hash } from "node:crypto";
import { canonicalJson } from "../iam/words/policy-document.ts";
import type { Credential, VisibleTenants } from "./caller.ts";

/** Where manifests come from: a repository that the service fetches itself, or one whose CI pushes them. */
export interface SourceRecord {
  name: string;
  kind: "pull" | "push";
  repository: string;
  /** Whose tenants it may touch: those of the caller who brought it in. */
  tenants: VisibleTenants;
  /** The caller's subject */
  requestedBy: string;
  /**
   * Of a pulled source: the scopes of the caller who wrote it last, with which it acts. Of a pushed one: `destroy`, where those who push from
   * it hold that. Sources from before they were noted have none.
   */
  scopes?: string[];
  /** Of a pulled source: the credential of the caller who wrote it last. It acts with what this credential may do today. */
  author?: Credential;
  branch?: string;
  /** Folder inside the repository */
  path?: string;
  /** Name of a file in the service's secrets folder, never the secret itself; so is `webhookSecret` */
  credentials?: string;
  webhookSecret?: string;
  /** `owner/name` as GitHub's deliveries have it */
  repositoryName?: string;
  /** seconds */
  interval?: number;
  prune?: boolean;
  maxDeletes?: number;
  /** Of the newest revision that was accepted */
  sequence?: number;
  revision?: string;
  lastOperation?: string;
  /** RFC 3339; when it was last asked for */
  lastAt?: string;
  /** How often in a row it couldn't be fetched or read; each time the wait for the next one doubles, up to a day */
  failures?: number;
  createdAt: string;
}

export interface SourceMember {
  kind: "Tenant" | "Integration";
  tenant: string;
  name: string;
  source: string;
  labels: Record<string, string>;
}

/** What a source acts on and with: an operation that was accepted under another one must not go on under this one. SHA-256 (hex). */
export function actingAs(source: SourceRecord): string {
  const { repository, branch, path, credentials, prune, maxDeletes, tenants, requestedBy, scopes, author } = source;
  const acting = { repository, branch, path, credentials, prune, maxDeletes, tenants, requestedBy, scopes, author };
  return hash("sha256", canonicalJson(JSON.parse(JSON.stringify(acting))));
}
