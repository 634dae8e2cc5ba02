/** How the cloud differs from what we made, as it is kept. */

/** One thing that isn't as we made it. */
export interface Difference {
  /** `<kind>/<key>` */
  stack: string;
  /** `trust`, `inline/<name>`, `attached`, `boundary`, `bucket-policy`, `key-policy`, `grants`, `encryption`, … */
  document: string;
  what: "added" | "removed" | "changed" | "missing";
  /** A sentence for people; external ids appear as fingerprints */
  words: string;
  /** Statements or values, masked likewise */
  expected?: unknown;
  found?: unknown;
}

export interface DriftRecord {
  verdict: "none" | "found" | "unknown";
  /** What the differences do to the vendor's access, by the evaluator */
  access: "same" | "wider" | "narrower" | "wider-and-narrower" | "unknown";
  differences: Difference[];
  /** Why the verdict is unknown */
  cause?: { code: string; detail: string };
  /** Since when this drift has been seen, RFC 3339 */
  since?: string;
  at: string;
  operation: string;
  /** SHA-256 (hex) of the differences: the same again is the same hand again */
  fingerprint?: string;
  /** What was repaired last, and when */
  remediation?: { operation: string; at: string; fingerprint: string };
  /** Set when a repaired drift came back: nothing is repaired again until somebody PUTs or asks */
  contested?: { since: string; times: number };
}
