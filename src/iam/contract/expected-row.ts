import type { AccessRequest } from "../words/access-request.ts";

/** A request and the answer that a contract expects. */
export interface ExpectedRow extends AccessRequest {
  /** Unique within the contract: `<role's name>/<what is tried>` */
  id: string;
  expect: "allow" | "deny";
}
