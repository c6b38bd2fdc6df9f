import { isFbpdError } from '../domain/errors.ts';
import type { Store } from '../domain/ports.ts';
import type { UtcDay } from '../domain/usage.ts';
import { contentsBetween, parseUsageKey, readServed, usageKeys } from '../domain/usage-records.ts';
import { planDrop } from './usage-commit.ts';

/** Records that go in one commit. */
const STEP_RECORDS = 512;
const FIRST_DAY: UtcDay = '0000-00-00';

/**
 * Drops some of an account's `g/` records of days before that one, or of all days, in one commit. Resolves with how many went:
 * when there are none left, with 0.
 */
export async function dropContents(store: Store, accountId: string, before?: UtcDay): Promise<number> {
  const all = contentsBetween(accountId);
  const range = before === undefined ? all : { gte: all.gte, lt: contentsBetween(accountId, { from: before, to: before }).gte };
  const records: Parameters<typeof planDrop>[0][number][] = [];
  for await (const [key, { value }] of store.range({ ...range, limit: STEP_RECORDS })) {
    records.push({ key, ...parseUsageKey(key), served: readServed(key, value) });
  }
  if (records.length === 0) return 0;
  const keys = [...new Set(records.map(({ day }) => usageKeys.day(accountId, day)))];
  const days = await store.getMany<object>(keys);
  await store.commit(planDrop(records, new Map(keys.map((key, index) => [key, days[index]]))));
  return records.length;
}

/** The day from which on an account's contents are told apart: it has that many newer days. Undefined when it has not. */
export async function firstKeptDay(store: Store, accountId: string, keptDays: number): Promise<UtcDay | undefined> {
  const days: UtcDay[] = [];
  const range = { gte: usageKeys.day(accountId, FIRST_DAY), lt: usageKeys.day(accountId, ':') };
  for await (const key of store.keys({ ...range, reverse: true, limit: keptDays })) days.push(parseUsageKey(key).day);
  return days.length < keptDays ? undefined : days.at(-1);
}

/** Removes everything of an account, some hundreds of records a commit. Who adds to it meanwhile makes it begin anew. */
export async function removeUsage(store: Store, accountId: string): Promise<void> {
  for (;;) {
    try {
      const dropped = await dropContents(store, accountId);
      if (dropped === 0 && (await removeDays(store, accountId)) === 0) return;
    } catch (error) {
      if (!isFbpdError(error, 'CONFLICT')) throw error;
    }
  }
}

async function removeDays(store: Store, accountId: string): Promise<number> {
  const expect: Record<string, number> = {};
  const range = { gte: usageKeys.day(accountId, FIRST_DAY), lt: usageKeys.day(accountId, ':') };
  for await (const [key, { version }] of store.range({ ...range, limit: STEP_RECORDS })) expect[key] = version;
  const keys = Object.keys(expect);
  if (keys.length > 0) await store.commit({ expect, ops: keys.map((del) => ({ del })) });
  return keys.length;
}
