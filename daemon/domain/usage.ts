import type { ServedBytes } from './retrieval-ports.ts';

/** Bytes written to readers, by where they came from, and the responses that ended. */
export interface ServedSums {
  hotBytes: number;
  networkBytes: number;
  coldBytes: number;
  responses: number;
}

export const NOTHING_SERVED: ServedSums = { hotBytes: 0, networkBytes: 0, coldBytes: 0, responses: 0 };

/** A day in UTC, as `2026-01-31`. */
export type UtcDay = string;

/** Both ends belong to it. */
export interface DayRange {
  from: UtcDay;
  to: UtcDay;
}

/** What an account's readers were given on one day. */
export interface UsageDay {
  day: UtcDay;
  served: ServedSums;
}

export interface ContentUsage {
  contentKey: string;
  served: ServedSums;
}

/** Looks at what was served. Rejections are the store's. */
export interface UsageView {
  /** Days on which anything was served, oldest first. */
  usage(accountId: string, range: DayRange): Promise<UsageDay[]>;
  /**
   * The contents with most bytes. Days whose contents are kept no more have none, and of a day with very many contents those
   * that came late are not told apart. `isWhole` is false when there was too much to look at all of it.
   */
  contents(accountId: string, range: DayRange, limit: number): Promise<{ contents: ContentUsage[]; isWhole: boolean }>;
}

const MS_PER_DAY = 86_400_000;
/** The last day whose name sorts behind those before it. */
const LAST_DAY_MS = Date.parse('9999-12-31T00:00:00Z');

/** The day of a moment; what no calendar of four digits has goes to its nearest end. */
export function dayOfMs(timeMs: number): UtcDay {
  return new Date(Math.min(Math.max(0, timeMs), LAST_DAY_MS)).toISOString().slice(0, 10);
}

/** The day so many days later, or earlier when it is negative. */
export function dayAfter(day: UtcDay, days: number): UtcDay {
  return dayOfMs(Date.parse(`${day}T00:00:00Z`) + days * MS_PER_DAY);
}

/** True for a day that there is: not for the 31st of February. */
export function isUtcDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return ms >= 0 && dayOfMs(ms) === text;
}

export function servedBy({ source, bytes, responses }: Pick<ServedBytes, 'source' | 'bytes' | 'responses'>): ServedSums {
  return { ...NOTHING_SERVED, [`${source}Bytes`]: bytes, responses };
}

export function addServed(a: ServedSums, b: ServedSums): ServedSums {
  return {
    hotBytes: a.hotBytes + b.hotBytes,
    networkBytes: a.networkBytes + b.networkBytes,
    coldBytes: a.coldBytes + b.coldBytes,
    responses: a.responses + b.responses,
  };
}

export function bytesServed({ hotBytes, networkBytes, coldBytes }: ServedSums): number {
  return hotBytes + networkBytes + coldBytes;
}
