/** One tenant's use of one blueprint, as it is kept. Timestamps are RFC 3339. */
import { z } from "zod";
import type { StackAddress, StackSpec } from "../../stacks/stack.ts";
import type { Proof } from "../iam/contract/contract.ts";
import type { PolicyDocument } from "../iam/words/policy-document.ts";
import type { Writer } from "./caller.ts";

export const integrationBody = z
  .strictObject({
    blueprint: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "A blueprint id, as GET /v1/blueprints lists them"),
    version: z
      .string()
      .regex(/^\d{1,4}\.\d{1,4}\.\d{1,4}$/, "A version is <major>.<minor>.<patch>")
      .exactOptional()
      .meta({ description: "Omitted: the pinned version; at create the newest" }),
    parameters: z.record(z.string(), z.unknown()).meta({ description: "As the blueprint's own JSON Schema wants them" }),
    settings: z
      .strictObject({
        drift: z
          .enum(["observe", "remediate", "ignore"])
          .exactOptional()
          .meta({ description: "What to do about drift; observe unless said" }),
        paused: z.boolean().exactOptional().meta({ description: "Reconciles and remediation leave it alone" }),
      })
      .exactOptional(),
  })
  .meta({ id: "IntegrationBody" });

/** An external id and the time it counts: `until` is set on the old one during a rotation's overlap. */
export interface ExternalIdEntry {
  id: string;
  since: string;
  until?: string;
}

/** Who wrote a part of what an integration should be, and with which operation. */
export interface Author extends Writer {
  operation: string;
}

/** What an operation is to make of an integration: frozen when the operation was accepted. */
export interface UpRequest {
  blueprint: string;
  version: string;
  parameters: Record<string, unknown>;
  externalIds: ExternalIdEntry[];
  vendorPolicy?: PolicyDocument;
  /** Everybody who wrote a part of it that hasn't been applied yet: none of them may approve it. */
  authors?: Author[];
  /** Who approved the operation's plan, once somebody has. */
  approvedBy?: string;
}

export interface RecordedStack {
  spec: StackSpec;
  address: StackAddress;
  /** `up`: the last update succeeded. `changing`: an update was started and hasn't been seen to end well. */
  status: "changing" | "up" | "gone";
  outputs?: Record<string, unknown>;
}

/** A key that outlived its stack. */
export interface RetainedKey {
  /** the stack's key */
  key: string;
  keyArn: string;
  alias: string;
  since: string;
  why: string;
  /** Set once its deletion is scheduled */
  deletionDate?: string;
}

export type HandshakeState =
  | "awaiting-customer"
  | "awaiting-external-id"
  | "awaiting-vendor-policy"
  | "role-ready"
  | "trusted"
  | "verified"
  | "rotating"
  | "revoked"
  | "offboarding"
  | "gone";

export interface Awaited {
  what: string;
  from: "vendor" | "customer" | "approver" | "drawbridge";
  since: string;
  until?: string;
}

export interface Handshake {
  state: HandshakeState;
  awaiting: Awaited[];
}

export interface IntegrationRecord {
  tenant: string;
  name: string;
  blueprint: string;
  vendor: string;
  version: string;
  /** As the blueprint parsed them, without the external id. */
  parameters: Record<string, unknown>;
  /** What last went past every approval: a wider request is measured against it, and a repair goes back to it. */
  approved?: Omit<UpRequest, "authors">;
  /** The same in records from before `approved`: its parameters alone. */
  approvedParameters?: Record<string, unknown>;
  /** Who wrote what hasn't gone past every approval yet. */
  authors?: Author[];
  /** Who approved what `approved` needed an approval for. */
  approvedBy?: string;
  settings: Record<string, unknown>;
  /** The ones that work now: one, or two during an overlap, or none. */
  externalIds: ExternalIdEntry[];
  /** SHA-256 (hex) of ids that were replaced; they may not come back. */
  supersededIds: string[];
  /** The policy that the vendor issued for the role, word for word, where its blueprint takes one. */
  vendorPolicy?: PolicyDocument;
  /** In order of creation; destroy needs nothing but these. */
  stacks: RecordedStack[];
  handshake: Handshake;
  /** Keys that outlived their stacks, also beyond the tombstone. */
  retained?: RetainedKey[];
  /** The last `up`: hash of what it applied, and whether it ended proven. */
  lastUp?: {
    operation: string;
    succeeded: boolean;
    specHash: string;
    /** It gave out documents, by which the customer makes the roles. */
    handedOver?: true;
  };
  /** A teardown closed its trusts and didn't end: only a request opens them again. */
  closedByTeardown?: true;
  /** Of the last proof. Saved with a whole one, the record keeps this much; `findProof` gives the rest. */
  proof?: Pick<Proof, "verdict" | "at">;
  /** Set once the teardown has been read back; the record stays as a tombstone. */
  goneAt?: string;
  receipt?: Record<string, unknown>;
  createdAt: string;
  updatedAt: string;
}
