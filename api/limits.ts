import type { Clock } from '../daemon/domain/ports.ts';

/** What one client may take of us; the names are those of the config's `[limits]`. */
export interface ApiLimits {
  /** The largest body of a request. */
  bodyBytes: number;
  /** The largest body of an upload: what one pin may have, and what is written around it. */
  uploadBytes: number;
  /** The largest head of a request: its line and its headers. */
  headerBytes: number;
  /** A request's headers must have arrived by then. */
  headersTimeoutMs: number;
  /** A whole request must have arrived by then. */
  requestTimeoutMs: number;
  /** A connection without a request is closed after this; longer than what proxies keep theirs, or they find them shut. */
  keepAliveTimeoutMs: number;
  /** More connections than this are closed as they come. */
  connections: number;
  /** Of one account, over all its tokens; ten seconds' worth at once after a rest. 0 for no limit. */
  requestsPerSecond: number;
  /** Missing and refused tokens of one address that get a 401; after that it is 429. 0 for no limit. */
  badTokensPerMinute: number;
  /** How long running requests may take to finish when the server closes. */
  closeDeadlineMs: number;
}

export const DEFAULT_LIMITS: ApiLimits = {
  bodyBytes: 64 * 1024,
  uploadBytes: 32 * 1024 ** 3,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  connections: 1024,
  requestsPerSecond: 1000,
  badTokensPerMinute: 60,
  closeDeadlineMs: 10_000,
};

export interface TokenBucketsOptions {
  clock: Clock;
  /** How fast a bucket fills; 0 for no limit at all. */
  perSecond: number;
  burst: number;
  /** The most keys remembered; the one longest unused is forgotten first. */
  maxKeys?: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

const DEFAULT_MAX_KEYS = 10_000;

/** Token buckets by key. */
export interface TokenBuckets {
  /** Takes one token: 0 when there was one, else the seconds until there will be. */
  take(key: string): number;
}

export function createTokenBuckets(options: TokenBucketsOptions): TokenBuckets {
  const { clock, perSecond, burst } = options;
  const maxKeys = options.maxKeys ?? DEFAULT_MAX_KEYS;
  // In order of last use, which is what a Map keeps when entries are taken out and put back.
  const buckets = new Map<string, Bucket>();

  return {
    take(key) {
      if (perSecond === 0) return 0;
      const nowMs = clock.nowMs();
      const bucket = buckets.get(key) ?? { tokens: burst, atMs: nowMs };
      // A clock that was set back refills nothing and takes nothing away.
      const elapsedMs = Math.max(0, nowMs - bucket.atMs);
      bucket.tokens = Math.min(burst, bucket.tokens + (elapsedMs / 1000) * perSecond);
      bucket.atMs = nowMs;
      buckets.delete(key);
      buckets.set(key, bucket);
      if (buckets.size > maxKeys) buckets.delete(buckets.keys().next().value ?? key);
      if (bucket.tokens < 1) return (1 - bucket.tokens) / perSecond;
      bucket.tokens -= 1;
      return 0;
    },
  };
}
