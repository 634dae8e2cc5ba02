/** Rate limits for each caller, and for each tenant over all callers. Counted in memory, or in PostgreSQL over all replicas. */
import { setTimeout as sleep } from "node:timers/promises";
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import { ProblemError } from "../../problem.ts";
import { openPool, type Pool } from "../../store/database/pool.ts";

export interface LimitSettings {
  /** requests a minute, per caller */
  requestsPerMinute: number;
  /** requests that change something a minute, per caller and per tenant */
  writesPerMinute: number;
  /** requests that take something away an hour, per caller and per tenant */
  destroysPerHour: number;
  /** event streams that are open at once, per caller and process */
  streamsPerCaller: number;
}

export const usualLimits: LimitSettings = { requestsPerMinute: 6_000, writesPerMinute: 600, destroysPerHour: 200, streamsPerCaller: 50 };

export interface Limits {
  /**
   * Counts one request.
   *
   * @throws ProblemError `rate_limited` with the seconds to wait
   */
  count(subject: string, request: { tenant?: string; destroys: boolean; writes: boolean }): Promise<void>;
  /**
   * Waits until this process takes another request that changes something of the tenant: 2 s at most.
   *
   * @throws ProblemError `rate_limited` where the others who wait are too many for that
   */
  keepPace(tenant: string): Promise<void>;
  /**
   * Counts an event stream until the returned function is called.
   *
   * @throws ProblemError `rate_limited` if the caller has too many
   */
  openStream(subject: string): () => void;
  close(): Promise<void>;
}

/**
 * Opens the counters. Reads are counted in this process alone, which costs them nothing; writes over all replicas where there is a
 * database to share, from which a process takes up to ten at once. While that doesn't answer they are counted here.
 */
export async function openLimits(settings: LimitSettings, databaseUrl?: string): Promise<Limits> {
  const pool = databaseUrl === undefined ? undefined : openPool(databaseUrl, { max: 2, name: "drawbridge-limits" });
  const reads = new RateLimiterMemory({ keyPrefix: "requests", points: settings.requestsPerMinute, duration: 60 });
  const writes = inPortions(await counter(pool, { keyPrefix: "writes", points: settings.writesPerMinute, duration: 60 }), pool);
  const destroys = inPortions(await counter(pool, { keyPrefix: "destroys", points: settings.destroysPerHour, duration: 3_600 }), pool);
  const pace = paced(new RateLimiterMemory({ keyPrefix: "pace", points: paceOf(settings), duration: 1 }));
  return {
    async count(subject, { tenant, ...request }) {
      await taking(reads.consume(`caller:${subject}`));
      const keys = [`caller:${subject}`, ...(tenant === undefined ? [] : [`tenant:${tenant}`])];
      for (const key of keys) {
        if (request.writes) await taking(writes(key));
        if (request.destroys) await taking(destroys(key));
      }
    },
    keepPace: (tenant) => taking(pace(tenant)),
    openStream: streamCounter(settings.streamsPerCaller),
    close: async () => pool?.end(),
  };
}

/** Streams are held by a process, so each process counts its own. */
function streamCounter(most: number): Limits["openStream"] {
  const open = new Map<string, number>();
  return (subject) => {
    const others = open.get(subject) ?? 0;
    if (others >= most) {
      throw new ProblemError("rate_limited", `This caller follows ${others} operations already. Close a stream first.`, { retryAfter: 5 });
    }
    open.set(subject, others + 1);
    return () => {
      const left = (open.get(subject) ?? 1) - 1;
      if (left > 0) open.set(subject, left);
      else open.delete(subject);
    };
  };
}

/**
 * Requests a second that change something of one tenant, taken by one process: twice what the minute allows on average. A tenant may use
 * up its minute in half of it, but not in its first seconds, at everybody's cost.
 */
const paceOf = ({ writesPerMinute }: LimitSettings) => Math.ceil(writesPerMinute / 30);

/** Seconds that a request waits for the pace at most, before it is refused. */
const mostSeconds = 2;

/** Takes one point per call. If the points of this second are used up, it waits for the next second. */
function paced(limiter: RateLimiterMemory): (key: string) => Promise<void> {
  return async (key) => {
    for (let left = mostSeconds; ; left--) {
      try {
        await limiter.consume(key);
        return;
      } catch (refused) {
        if (left === 0 || !(refused instanceof RateLimiterRes)) throw refused;
        // A timer may fire a millisecond early, in a second that is used up.
        await sleep(refused.msBeforeNext + 1);
      }
    }
  };
}

interface Counter {
  keyPrefix: string;
  points: number;
  /** seconds */
  duration: number;
}

async function counter(pool: Pool | undefined, options: Counter): Promise<RateLimiterAbstract> {
  const here = new RateLimiterMemory(options);
  if (!pool) return here;
  return new Promise((resolve, reject) => {
    const shared = {
      ...options,
      storeClient: pool,
      tableName: "rate_limits",
      insuranceLimiter: here,
      inMemoryBlockOnConsumed: options.points + 1,
    };
    const limiter: RateLimiterPostgres = new RateLimiterPostgres(shared, (error) => (error ? reject(error) : resolve(limiter)));
  });
}

interface Portion {
  left: number;
  /** performance.now() at which the window that it was taken from ends */
  until: number;
}

/** Keys whose portions are remembered; the oldest give up what they have left. */
const mostPortions = 10_000;

/**
 * Takes one point per call. From a shared counter a sixtieth of what there is, ten at most, is taken at once and used up here, so
 * that most requests don't ask the database; what a process has left of it when the window ends is lost.
 */
function inPortions(limiter: RateLimiterAbstract, shared: Pool | undefined): (key: string) => Promise<unknown> {
  const size = shared === undefined ? 1 : Math.min(10, Math.max(1, Math.floor(limiter.points / 60)));
  if (size === 1) return (key) => limiter.consume(key);
  const portions = new Map<string, Portion>();
  const refills = new Map<string, Promise<void>>();
  const refill = async (key: string) => {
    try {
      const { msBeforeNext } = await limiter.consume(key, size);
      portions.delete(key);
      portions.set(key, { left: size, until: performance.now() + msBeforeNext });
      const oldest = portions.size > mostPortions ? portions.keys().next().value : undefined;
      if (oldest !== undefined) portions.delete(oldest);
    } finally {
      refills.delete(key);
    }
  };
  return async (key) => {
    for (;;) {
      const portion = portions.get(key);
      if (portion && portion.left > 0 && performance.now() < portion.until) {
        portion.left -= 1;
        return;
      }
      const refilling = refills.get(key) ?? refill(key);
      refills.set(key, refilling);
      await refilling;
    }
  };
}

async function taking(counted: Promise<unknown>): Promise<void> {
  try {
    await counted;
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    const retryAfter = Math.max(1, Math.ceil(refused.msBeforeNext / 1_000));
    throw new ProblemError("rate_limited", `Too many requests. Try again in ${retryAfter} s.`, { retryAfter });
  }
}
