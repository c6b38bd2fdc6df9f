import test from 'ava';

import type { Deal, DealState } from '../../daemon/domain/deal.ts';
import { isCarIdle, pieceAfter, summaryOf } from '../../daemon/plan/summary.ts';
import { createDeal, createPiece, createPolicy } from '../fixtures/create-cold.ts';

const POLICY = createPolicy();
const BEFORE = { min: 7, target: 9, active: 1, pending: 1 };
const evidence = { kind: 'marketDeal', chainDealId: 1, sectorStartEpoch: 1, seenEpoch: 2, atMs: 0 } as const;

function dealIn(state: DealState, change: Partial<Deal> = {}): Deal {
  return createDeal(1, { state, ...change });
}

test('active copies are those that are active, pending all others that live, and what has ended counts as neither', (t) => {
  const states: DealState[] = [
    'intended',
    'proposed',
    'accepted',
    'published',
    'active',
    'active',
    'expired',
    'rejected',
    'failed',
    'missed',
    'lost',
  ];
  const summary = summaryOf(
    states.map((state, index) => createDeal(index + 1, { state })),
    POLICY,
    BEFORE,
  );
  t.deepEqual(summary, { min: 2, target: 3, active: 2, pending: 4, soonestEndEpoch: 10_100 });
});

test('a copy and its renewal with one provider, or in one failure domain, are one copy', (t) => {
  const [one, two, three] = [createDeal(1), createDeal(2), createDeal(3)];
  const renewed = createDeal(4, { provider: one.provider, domain: one.domain, replaces: one.id });
  const movedOn = createDeal(5, { domain: { ...createDeal(5).domain, owner: two.domain.owner }, replaces: two.id });
  const activeOf = (...deals: Deal[]) => summaryOf(deals, POLICY, BEFORE).active;
  t.is(activeOf(one, renewed), 1);
  t.is(activeOf(one, two, three, renewed, movedOn), 3);
  t.like(summaryOf([one, two, { ...renewed, state: 'published' }], POLICY, BEFORE), { active: 2, pending: 1 });
  // What joins two others makes them one, in whatever order they come.
  const between = createDeal(6, { domain: { ...three.domain, owner: one.domain.owner } });
  for (const deals of [
    [one, three, between],
    [between, one, three],
    [one, between, three],
  ])
    t.is(activeOf(...deals), 1);
});

test('the soonest end is that of an active copy', (t) => {
  const ending = (state: DealState, endEpoch: number): Deal => dealIn(state, { terms: { ...dealIn(state).terms, endEpoch } });
  t.is(
    summaryOf([ending('active', 900), ending('active', 800), ending('published', 5), ending('lost', 6)], POLICY, BEFORE).soonestEndEpoch,
    800,
  );
  t.false('soonestEndEpoch' in summaryOf([ending('published', 5)], POLICY, BEFORE));
});

test('a policy that the config has no more leaves what was wanted', (t) => {
  t.like(summaryOf([], undefined, BEFORE), { min: 7, target: 9, active: 0, pending: 0 });
});

test('when a deal moves its piece is looked at now, in the queue of renewals once there were as many copies as wanted', (t) => {
  const stored = [1, 2, 3].map((n) => createDeal(n, { activeEvidence: evidence }));
  const { due: _, ...idle } = createPiece();
  t.deepEqual(pieceAfter(idle, stored.slice(0, 2), POLICY, 55).due, { queue: 'create', epoch: 55 });
  const lost = [...stored.slice(0, 2), { ...stored[2], state: 'lost' } as Deal];
  const after = pieceAfter(idle, lost, POLICY, 55);
  t.deepEqual(after.due, { queue: 'renew', epoch: 55 });
  t.like(after.summary, { active: 2, pending: 0 });
});

test('the CAR is idle when every live deal is on the chain', (t) => {
  for (const state of ['intended', 'proposed', 'accepted'] as const) t.false(isCarIdle([dealIn('active'), dealIn(state)]), state);
  t.true(isCarIdle([dealIn('active'), dealIn('published'), dealIn('failed'), dealIn('rejected'), dealIn('lost')]));
  t.true(isCarIdle([]));
});
