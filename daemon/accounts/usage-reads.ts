import type { Store } from '../domain/ports.ts';
import { addServed, bytesServed, type ContentUsage, type DayRange, type ServedSums, type UsageDay } from '../domain/usage.ts';
import { contentsBetween, OTHER_CONTENTS, parseUsageKey, readDay, readServed, usageKeys } from '../domain/usage-records.ts';

/** See `UsageView.usage`. */
export async function readUsage(store: Store, accountId: string, { from, to }: DayRange): Promise<UsageDay[]> {
  const days: UsageDay[] = [];
  for await (const [key, { value }] of store.range({ gte: usageKeys.day(accountId, from), lte: usageKeys.day(accountId, to) })) {
    const { hotBytes, networkBytes, coldBytes, responses } = readDay(key, value);
    days.push({ day: parseUsageKey(key).day, served: { hotBytes, networkBytes, coldBytes, responses } });
  }
  return days;
}

/** See `UsageView.contents`. Reads at most `scanRecords`, the newest days first. */
export async function readContents(
  store: Store,
  accountId: string,
  days: DayRange,
  limits: { contents: number; scanRecords: number },
): Promise<{ contents: ContentUsage[]; isWhole: boolean }> {
  const sums = new Map<string, ServedSums>();
  let records = 0;
  for await (const [key, { value }] of store.range({ ...contentsBetween(accountId, days), reverse: true, limit: limits.scanRecords + 1 })) {
    records += 1;
    if (records > limits.scanRecords) break;
    const { contentKey } = parseUsageKey(key);
    if (contentKey === OTHER_CONTENTS) continue;
    const before = sums.get(contentKey);
    const served = readServed(key, value);
    sums.set(contentKey, before === undefined ? served : addServed(before, served));
  }
  const contents = [...sums].map(([contentKey, served]) => ({ contentKey, served }));
  contents.sort((a, b) => bytesServed(b.served) - bytesServed(a.served) || (a.contentKey < b.contentKey ? -1 : 1));
  return { contents: contents.slice(0, limits.contents), isWhole: records <= limits.scanRecords };
}
