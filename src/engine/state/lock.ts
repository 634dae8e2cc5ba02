/** One of Pulumi's lock objects. A lock has no expiry: its writer may have ended long ago. */
export interface StateLock {
  key: string;
  pid: number;
  hostname: string;
  /** RFC 3339 */
  at: string;
}

/** Reads the text of the lock object with this key. */
export function parseLock(key: string, text: string): StateLock {
  const { pid, hostname, timestamp } = JSON.parse(text) as { pid?: number; hostname?: string; timestamp?: string };
  return { key, pid: pid ?? 0, hostname: hostname ?? "", at: timestamp ?? "" };
}
