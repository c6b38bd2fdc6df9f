import { Lfu } from './lfu.ts';
import { Lru } from './lru.ts';
import { Ours } from './ours.ts';
import type { CachePolicy, CacheRoom } from './policy.ts';
import { type HitRates, replay } from './replay.ts';
import { S3Fifo } from './s3-fifo.ts';
import { Sieve } from './sieve.ts';
import { TRACES, type TraceScale } from './traces.ts';
import { WTinyLfu } from './w-tinylfu.ts';

/** What ours is compared with. */
const OTHERS: Readonly<Record<string, (room: CacheRoom) => CachePolicy>> = {
  LRU: (room) => new Lru(room),
  LFU: (room) => new Lfu(room),
  SIEVE: (room) => new Sieve(room),
  'S3-FIFO': (room) => new S3Fifo(room),
  'W-TinyLFU': (room) => new WTinyLfu(room),
};

export const POLICY_NAMES = [...Object.keys(OTHERS), 'fbpd'];

/** One trace, replayed by all. */
export interface Contest {
  trace: string;
  /** Of the contents, that fit, when all are of the mean size. */
  share: number;
  /** By the names of the policies. */
  rates: ReadonlyMap<string, HitRates>;
}

/** Ours may remember a quarter of the contents that are read again and again: fewer than it would of so few. */
const TRACKED_SHARE = 0.25;

export interface ContestScale extends Pick<TraceScale, 'reads' | 'contents' | 'seed'> {
  share: number;
}

export function runContest(trace: string, { reads, contents, seed, share }: ContestScale): Contest {
  const entries = Math.ceil(contents * share);
  const made = TRACES[trace]?.({ reads, contents, entries, seed });
  if (made === undefined) throw new Error(`there is no trace ${trace}`);
  const meanSize = made.sizes === undefined ? 1 : made.sizes.reduce((sum, size) => sum + size, 0) / made.sizes.length;
  const room = { capacity: entries * meanSize, entries };
  const rates = new Map(Object.entries(OTHERS).map(([name, make]) => [name, replay(made, make(room))]));
  rates.set('fbpd', replay(made, new Ours(room, { maxTracked: Math.ceil(contents * TRACKED_SHARE) })));
  return { trace, share, rates };
}

/** The best of the five by what is asked for, and how far ours is ahead of it, in points of a hundred. */
export function bestOther({ rates }: Contest, by: keyof HitRates): { name: string; rate: number; lead: number } {
  const ours = rates.get('fbpd')?.[by] ?? 0;
  const others = Object.keys(OTHERS).map((name) => ({ name, rate: rates.get(name)?.[by] ?? 0 }));
  const best = others.reduce((a, b) => (b.rate > a.rate ? b : a));
  return { ...best, lead: 100 * (ours - best.rate) };
}

/** The same trace and room with several seeds: the mean of the rates. */
export function meanOf(contests: readonly [Contest, ...Contest[]]): Contest {
  const [{ trace, share }] = contests;
  const mean = (name: string, by: keyof HitRates): number =>
    contests.reduce((sum, { rates }) => sum + (rates.get(name)?.[by] ?? 0), 0) / contests.length;
  const rates = new Map(POLICY_NAMES.map((name) => [name, { object: mean(name, 'object'), byte: mean(name, 'byte') }]));
  return { trace, share, rates };
}
