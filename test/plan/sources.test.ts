import test from 'ava';

import { orderSources, type SourceCandidate } from '../../daemon/plan/sources.ts';

const EVIDENCE = { kind: 'retrieval', bytes: 1, tookMs: 1, firstByteMs: 100, seenEpoch: 1, atMs: 10 } as const;

function candidate(
  id: string,
  over: Partial<Omit<SourceCandidate, 'deal'>> & { deal?: Partial<SourceCandidate['deal']> } = {},
): SourceCandidate {
  return {
    score: 0.5,
    isSuspended: false,
    priceAtto: undefined,
    ...over,
    deal: { id, provider: `f0${id}`, state: 'active', ...over.deal },
  };
}

const order = (...candidates: SourceCandidate[]): string[] => orderSources(candidates).map(({ deal }) => deal.id);

test('only those are asked that may have it', (t) => {
  const states = ['intended', 'proposed', 'accepted', 'published', 'active', 'expired', 'lost', 'failed', 'missed', 'rejected'] as const;
  t.deepEqual(order(...states.map((state) => candidate(state, { deal: { state } }))), ['active', 'published']);
});

test('the best goes first, the cheapest where they are about equal, then the quickest', (t) => {
  t.deepEqual(order(candidate('a', { score: 0.4 }), candidate('b', { score: 0.9, priceAtto: 9n })), ['b', 'a']);
  t.deepEqual(order(candidate('a', { score: 0.52, priceAtto: 5n }), candidate('b', { score: 0.48, priceAtto: 4n })), ['b', 'a']);
  t.deepEqual(order(candidate('a'), candidate('b', { deal: { retrievalEvidence: EVIDENCE } })), ['b', 'a']);
});

test('who did not give back this very copy comes last, until it has; so does who is suspended, before', (t) => {
  const failed = { retrievalFailure: { atMs: 20, epoch: 1, text: 'x' } };
  t.deepEqual(order(candidate('a', { score: 1, deal: failed }), candidate('b', { isSuspended: true }), candidate('c')), ['c', 'b', 'a']);
  const better = { ...failed, retrievalEvidence: { ...EVIDENCE, atMs: 30 } };
  t.deepEqual(order(candidate('a', { score: 1, deal: better }), candidate('b')), ['a', 'b']);
});
