import type { Commit, Op, Versioned } from '../domain/ports.ts';
import { addServed, NOTHING_SERVED, type ServedSums, type UtcDay } from '../domain/usage.ts';
import { type DayRecord, NEW_DAY, OTHER_CONTENTS, readDay, readServed, usageKeys } from '../domain/usage-records.ts';

/** What is to be added for one content, account and day. */
export interface UsageEntry {
  accountId: string;
  day: UtcDay;
  contentKey: string;
  served: ServedSums;
}

export type ReadUsage = ReadonlyMap<string, Versioned<object> | undefined>;

export interface UsagePlan {
  commit: Required<Pick<Commit, 'expect' | 'ops'>>;
  /** Accounts that have a day more than before. */
  begun: Set<string>;
}

/** The records that {@link planUsage} wants read. */
export function keysOfUsage(entries: readonly UsageEntry[]): string[] {
  const keys = new Set<string>();
  for (const { accountId, day, contentKey } of entries) {
    keys.add(usageKeys.content(accountId, day, contentKey));
    keys.add(usageKeys.content(accountId, day, OTHER_CONTENTS));
    keys.add(usageKeys.day(accountId, day));
  }
  return [...keys];
}

/**
 * One commit that adds all of it. It expects of each day's record that nobody touched it: whoever touches anything of a day
 * writes that record too.
 *
 * @param contentsPerDay so many contents are told apart, per account and day
 * @throws FbpdError `STORE_DAMAGED`
 */
export function planUsage(entries: readonly UsageEntry[], read: ReadUsage, contentsPerDay: number): UsagePlan {
  const expect: Record<string, number | null> = {};
  const contents = new Map<string, ServedSums>();
  const days = new Map<string, DayRecord>();
  const begun = new Set<string>();
  for (const { accountId, day, contentKey, served } of entries) {
    const dayKey = usageKeys.day(accountId, day);
    const dayRecord = days.get(dayKey) ?? storedDay(dayKey, read);
    const isFull = dayRecord.contents >= contentsPerDay;
    const own = usageKeys.content(accountId, day, contentKey);
    const key = isFull && !contents.has(own) && read.get(own) === undefined ? usageKeys.content(accountId, day, OTHER_CONTENTS) : own;
    const before = contents.get(key) ?? storedServed(key, read);
    contents.set(key, addServed(before ?? NOTHING_SERVED, served));
    days.set(dayKey, { ...dayRecord, ...addServed(dayRecord, served), contents: dayRecord.contents + (before === undefined ? 1 : 0) });
    expect[dayKey] = read.get(dayKey)?.version ?? null;
    if (read.get(dayKey) === undefined) begun.add(accountId);
  }
  const ops = [...contents, ...days].map(([put, value]): Op => ({ put, value }));
  return { commit: { expect, ops }, begun };
}

/**
 * One commit that drops these `g/` records; the sums of their days stay, and know what went.
 *
 * @throws FbpdError `STORE_DAMAGED`
 */
export function planDrop(
  records: readonly { key: string; accountId: string; day: UtcDay; served: ServedSums }[],
  read: ReadUsage,
): UsagePlan['commit'] {
  const days = new Map<string, DayRecord>();
  const expect: Record<string, number | null> = {};
  for (const { accountId, day, served } of records) {
    const dayKey = usageKeys.day(accountId, day);
    expect[dayKey] = read.get(dayKey)?.version ?? null;
    if (read.get(dayKey) === undefined) continue;
    const before = days.get(dayKey) ?? storedDay(dayKey, read);
    const dropped = addServed(before.dropped ?? NOTHING_SERVED, served);
    days.set(dayKey, { ...before, contents: Math.max(0, before.contents - 1), dropped });
  }
  return { expect, ops: [...records.map(({ key }) => ({ del: key })), ...[...days].map(([put, value]) => ({ put, value }))] };
}

function storedDay(key: string, read: ReadUsage): DayRecord {
  const record = read.get(key);
  return record === undefined ? NEW_DAY : readDay(key, record.value);
}

function storedServed(key: string, read: ReadUsage): ServedSums | undefined {
  const record = read.get(key);
  return record && readServed(key, record.value);
}
