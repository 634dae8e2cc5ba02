/** What is asked, what decides, and the answer. */
import type { LiveBucket, LiveGrant, NamedDocument } from "./live.ts";

export interface AccessRequest {
  /** Who asks: the exact ARN of a role, user, role session or account root, or a service's name. */
  principal: string;
  /** `service:Action`, exact */
  action: string;
  /** The ARN that the action works on, or `*` for actions without one */
  resource: string;
  /** Condition keys with their values; `[]` says that the request surely lacks the key */
  context: Record<string, string | string[]>;
}

export interface AccessDocuments {
  /** The principal's own policies, inline and attached. Left out: it has none. */
  identity?: readonly NamedDocument[];
  boundary?: NamedDocument;
  session?: NamedDocument;
  /** The role's trust policy, for sts:AssumeRole */
  trust?: NamedDocument;
  bucketPolicy?: NamedDocument;
  keyPolicy?: NamedDocument;
  grants?: readonly LiveGrant[];
  publicAccessBlock?: LiveBucket["publicAccessBlock"];
  ownership?: LiveBucket["ownership"];
  /** The account that owns the resource, where its ARN doesn't say */
  resourceAccount?: string;
  /** `true` takes it that the principal's own side allows: it belongs to somebody whose policies can't be read */
  assumeCallerAllows?: boolean;
  /** `true` takes it that the resource's own policy allows: it belongs to somebody whose policy can't be read */
  assumeResourceAllows?: boolean;
}

export interface DecidingStatement {
  document: string;
  sid?: string;
  /** from 0 */
  index: number;
  effect: "Allow" | "Deny";
  reason: string;
}

export interface Decision {
  decision: "allowed" | "implicitly-denied" | "explicitly-denied" | "undetermined";
  /** The statements that decided: those that denied, else those that allowed, else those that couldn't be judged. */
  deciding: DecidingStatement[];
  /** Plain sentences. */
  because: string[];
}
