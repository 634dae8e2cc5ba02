/** How much a caller, and all callers together for a tenant, may ask for: counted in memory, or in PostgreSQL over all replicas. */
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import { ProblemError } from "../problem.ts";
import { openPool, type Pool } from "../store/pool.ts";

export interface LimitSettings {
  /** requests a minute, per caller */
  requestsPerMinute: number;
  /** requests that change something a minute, per caller and per tenant */
  writesPerMinute: number;
  /** requests that take something away an hour, per caller and per tenant */
  destroysPerHour: number;
}

export const usualLimits: LimitSettings = { requestsPerMinute: 6_000, writesPerMinute: 600, destroysPerHour: 200 };

export interface Limits {
  /**
   * Counts one request.
   *
   * @throws ProblemError `rate_limited` with the seconds to wait
   */
  count(subject: string, request: { tenant?: string; destroys: boolean; writes: boolean }): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the counters. Reads are counted in this process alone, which costs them nothing; writes over all replicas where there is a
 * database to share. While that doesn't answer they are counted here.
 */
export async function openLimits(settings: LimitSettings, databaseUrl?: string): Promise<Limits> {
  const pool = databaseUrl === undefined ? undefined : openPool(databaseUrl, { max: 2, name: "drawbridge-limits" });
  const reads = new RateLimiterMemory({ keyPrefix: "requests", points: settings.requestsPerMinute, duration: 60 });
  const writes = await counter(pool, { keyPrefix: "writes", points: settings.writesPerMinute, duration: 60 });
  const destroys = await counter(pool, { keyPrefix: "destroys", points: settings.destroysPerHour, duration: 3_600 });
  return {
    async count(subject, { tenant, ...request }) {
      await take(reads, `caller:${subject}`);
      const keys = [`caller:${subject}`, ...(tenant === undefined ? [] : [`tenant:${tenant}`])];
      for (const key of keys) {
        if (request.writes) await take(writes, key);
        if (request.destroys) await take(destroys, key);
      }
    },
    close: async () => pool?.end(),
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

async function take(limiter: RateLimiterAbstract, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    const retryAfter = Math.max(1, Math.ceil(refused.msBeforeNext / 1_000));
    throw new ProblemError("rate_limited", `Too many requests. Try again in ${retryAfter} s.`, { retryAfter });
  }
}
