import { EPOCHS_PER_DAY } from '../domain/epoch.ts';
import type { Provider, ProviderEvent, ProviderEventKind, ProviderMonth } from '../domain/provider.ts';

const MONTH_EPOCHS = 30 * EPOCHS_PER_DAY;
/** What is older is added to the oldest one. */
const MONTHS_KEPT = 24;

/** What a provider did, by month, from its record: events alone are all that older versions kept. */
export function monthsOf({ months, events }: Pick<Provider, 'months' | 'events'>): readonly ProviderMonth[] {
  return months ?? events.reduce(withMonth, [] as readonly ProviderMonth[]);
}

/** One more thing that it did. A clock that goes back, as on another chain, changes no order. */
export function withMonth(
  months: readonly ProviderMonth[],
  { epoch, kind }: Pick<ProviderEvent, 'epoch' | 'kind'>,
): readonly ProviderMonth[] {
  const last = months.at(-1);
  const month = Math.max(Math.floor(epoch / MONTH_EPOCHS), last?.month ?? 0);
  const counted =
    last?.month === month
      ? [...months.slice(0, -1), { month, counts: plus(last.counts, { [kind]: 1 }) }]
      : [...months, { month, counts: { [kind]: 1 } }];
  return counted.length <= MONTHS_KEPT ? counted : withoutOldest(counted);
}

function withoutOldest([oldest, next, ...others]: readonly ProviderMonth[]): readonly ProviderMonth[] {
  if (oldest === undefined || next === undefined) return [];
  return [{ month: next.month, counts: plus(oldest.counts, next.counts) }, ...others];
}

type Counts = ProviderMonth['counts'];

function plus(a: Counts, b: Counts): Counts {
  const sum: Partial<Record<ProviderEventKind, number>> = { ...a };
  for (const [kind, count] of Object.entries(b) as [ProviderEventKind, number][]) sum[kind] = (sum[kind] ?? 0) + count;
  return sum;
}
