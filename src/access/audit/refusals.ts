/**
 * Refused requests in the audit: caller, time, route. The number of rows is limited, however many requests come. The first refusal of a kind
 * is a row at once, with its request id; equal refusals of the next minute are one row with their count.
 */
import { randomUUID } from "node:crypto";
import { faultFields, type Log } from "../../log.ts";
import type { AppendAudit, NewAuditEntry } from "../../store/audit.ts";

export interface Refusal {
  /** A documented route, never a URL; undefined where no route has the path */
  route?: string;
  /** Absent where nobody knows who it was */
  subject?: string;
  /** `other_tenant` for a path of a tenant that the caller doesn't hold, which it sees as `not_found` */
  result: "unauthenticated" | "forbidden" | "other_tenant";
  requestId: string;
}

/** Kinds of refusals that have their own rows in one minute. Unknown callers can't use up the rows of known ones. */
const mostKinds = { strangers: 10, callers: 20 };
const minute = 60_000;

interface Kind {
  entry: Omit<NewAuditEntry, "id" | "at" | "requestId">;
  /** Since the first */
  more: number;
}

export interface RefusalRows {
  /** Returns at once; a row that can't be written is said in the log. */
  note(refusal: Refusal): void;
  /** Writes what is counted so far. */
  settle(): Promise<void>;
}

/** Rows through `append`: 62 a minute at most. */
export function refusalRows(append: AppendAudit, log: Log): RefusalRows {
  let kinds = { strangers: new Map<string, Kind>(), callers: new Map<string, Kind>() };
  let timer: NodeJS.Timeout | undefined;
  const writing = new Set<Promise<void>>();

  const write = (entry: Omit<NewAuditEntry, "id" | "at">) => {
    const row = append({ ...entry, id: randomUUID(), at: new Date().toISOString() })
      .catch((error: unknown) => log.error("A refusal is missing from the audit", faultFields(error)))
      .finally(() => writing.delete(row));
    writing.add(row);
  };

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const ended = kinds;
    kinds = { strangers: new Map(), callers: new Map() };
    for (const { entry, more } of [...ended.strangers.values(), ...ended.callers.values()]) if (more > 0) write({ ...entry, count: more });
  };

  return {
    note({ route = "no route", subject, result, requestId }) {
      const who = subject === undefined ? "strangers" : "callers";
      const of = kinds[who];
      const key = JSON.stringify([subject, route, result]);
      const seen = of.get(key) ?? (of.size < mostKinds[who] ? undefined : overflow(of, who));
      timer ??= setTimeout(flush, minute).unref();
      if (seen) {
        seen.more++;
        return;
      }
      const entry = { phase: "refusal", action: route, subject: subject ?? nobody, result } as const;
      of.set(key, { entry, more: 0 });
      write({ ...entry, requestId });
    },
    async settle() {
      flush();
      await Promise.all(writing);
    },
  };
}

/** No key and no token can have this subject. */
const nobody = "(unknown)";

/** All kinds beyond the bound, as one. */
function overflow(of: Map<string, Kind>, who: keyof typeof mostKinds): Kind {
  const found = of.get("");
  if (found) return found;
  const subject = who === "strangers" ? nobody : "(several)";
  const made: Kind = { entry: { phase: "refusal", action: "several routes", subject, result: "refused" }, more: 0 };
  of.set("", made);
  return made;
}
