/** The input of a reconcile, and its answer for each manifest. */
import type { VisibleTenants } from "../model/caller.ts";
import type { Manifest } from "../model/manifest.ts";

export type Outcome = "added" | "changed" | "unchanged" | "pruned" | "kept" | "refused";

/** A manifest, or a document that isn't one, with where it stands in its repository. */
export type Given = { manifest: Manifest; at?: string } | { fault: string; at: string };

export interface Item {
  kind: "Tenant" | "Integration" | "File";
  tenant?: string;
  name: string;
  outcome: Outcome;
  /** A sentence: why it is refused, kept, or to be made again */
  reason?: string;
  code?: string;
  /** RFC 6901, into the manifest */
  pointer?: string;
  /** `file:line:column` */
  at?: string;
  /** Index in the request's manifests */
  index?: number;
  operation?: string;
  /** Of the operation, when it has ended or waits for an approval */
  state?: string;
}

/** An item with what it takes to apply it. */
export interface Step extends Item {
  manifest?: Manifest;
  /** entity tag of what is there now */
  ifMatch?: string;
}

export interface PlanRequest {
  source: string;
  given: readonly Given[];
  prune: boolean;
  /** The caller's, or the source's */
  tenants: VisibleTenants;
  mayDestroy: boolean;
  administers?: boolean | undefined;
}
