import type { Provider, ProviderEvent } from '../domain/provider.ts';

/** What each event says for (above 0) or against (below 0) a provider. An allow-list says nothing about how it keeps data. */
const WEIGHTS: Readonly<Record<ProviderEvent['kind'], number>> = {
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
const WORDS: Readonly<Record<ProviderEvent['kind'], string>> = {
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

/** Score in [0, 1]: 0.5 without a history, then the share of what went well, as if one good and one bad thing had gone before. */
export function scoreOf({ events }: Pick<Provider, 'events'>): { value: number; reasons: string[] } {
  let good = 1;
  let bad = 1;
  const counts = new Map<ProviderEvent['kind'], number>();
  for (const { kind } of events) {
    const weight = WEIGHTS[kind];
    if (weight > 0) good += weight;
    else bad -= weight;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const reasons = [...counts].map(([kind, count]) => `${count} ${WORDS[kind]}`);
  return { value: good / (good + bad), reasons: reasons.length === 0 ? ['no history yet'] : reasons };
}
