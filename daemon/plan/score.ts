import type { Provider, ProviderEventKind } from '../domain/provider.ts';
import { monthsOf } from './history.ts';

/** What each event says for (above 0) or against (below 0) a provider. An allow-list says nothing about how it keeps data. */
const WEIGHTS: Readonly<Record<ProviderEventKind, number>> = {
  accepted: 0.25,
  active: 1,
  verified: 1,
  refused: -0.25,
  missed: -2,
  lost: -4,
  retrieval_failed: -1,
  unreachable: -0.25,
  not_allowed: 0,
};

/** How it reads. */
const WORDS: Readonly<Record<ProviderEventKind, string>> = {
  accepted: 'accepted',
  active: 'sealed in time',
  verified: 'given back on demand',
  refused: 'refused',
  missed: 'not sealed in time',
  lost: 'lost',
  retrieval_failed: 'not given back',
  unreachable: 'not reachable',
  not_allowed: 'asks for an introduction (costs no score)',
};

/** What was done in a month weighs this share of what was done in the next one: a year later it is 3 %. */
const MONTH_SHARE = 0.75;

/**
 * Score in [0, 1]: 0.5 without a history, then the share of what went well, as if one good and one bad thing had gone before. All that
 * is known counts, months ago less than lately.
 */
export function scoreOf(provider: Pick<Provider, 'events' | 'months'>): { value: number; reasons: string[] } {
  const months = monthsOf(provider);
  const latest = months.at(-1)?.month ?? 0;
  let good = 1;
  let bad = 1;
  const totals = new Map<ProviderEventKind, number>();
  for (const { month, counts } of months) {
    const share = MONTH_SHARE ** (latest - month);
    for (const [kind, count] of Object.entries(counts) as [ProviderEventKind, number][]) {
      const weight = WEIGHTS[kind] * count * share;
      if (weight > 0) good += weight;
      else bad -= weight;
      totals.set(kind, (totals.get(kind) ?? 0) + count);
    }
  }
  const reasons = [...totals].map(([kind, count]) => `${count} ${WORDS[kind]}`);
  return { value: good / (good + bad), reasons: reasons.length === 0 ? ['no history yet'] : reasons };
}
