import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { MarketDeal } from '../../daemon/domain/cold-ports.ts';
import { type Deal, type DealState, LIVE_STATES } from '../../daemon/domain/deal.ts';
import { compareLedger, exposureOf, lockedBy, minus, NO_EXPOSURE, plus } from '../../daemon/plan/ledger.ts';
import { costOf } from '../../daemon/plan/money.ts';
import { createDeal, createMarketDeal } from '../fixtures/create-cold.ts';

const START = 100;
const END = 10_100;
const PRICE = 5n;
const COLLATERAL = 7n;

function dealIn(state: DealState, change: Partial<Deal> = {}): Deal {
  const terms = { ...createDeal(1).terms, clientCollateralAtto: COLLATERAL };
  return createDeal(1, { state, terms, costAtto: costOf(terms), ...change });
}

function onChain(change: Partial<MarketDeal> = {}): MarketDeal {
  return createMarketDeal(dealIn('active'), change);
}

/** It has ended for good: nobody looks at it any more. */
function over(state: DealState): Deal {
  const { dueEpoch: _, ...deal } = dealIn(state);
  return deal;
}

test('what a new deal locks is its whole commitment', (t) => {
  t.true(lockedBy(onChain()) === dealIn('proposed').costAtto);
});

test('no settlement at or before the start has paid anything, each later one has paid up to its epoch, and none more than all', (t) => {
  const left = (lastUpdatedEpoch: number): bigint => lockedBy(onChain({ lastUpdatedEpoch }));
  t.deepEqual([-1, 0, START].map(left), Array(3).fill(PRICE * 10_000n + COLLATERAL));
  t.true(left(START + 1) === PRICE * 9_999n + COLLATERAL);
  t.true(left(END) === COLLATERAL && left(END + 1_000) === COLLATERAL);
});

test('a deal that may come counts as promised and as locked; an active one only as locked', (t) => {
  const costAtto = dealIn('proposed').costAtto;
  for (const state of LIVE_STATES) {
    const open = state === 'active' ? 0n : costAtto;
    t.deepEqual(exposureOf(dealIn(state)), { lockedAtMostAtto: costAtto, promisedAtto: open, mayComeAtto: open }, state);
  }
});

test('a deal that ended keeps its money locked until nobody looks at it any more, unless it was never on the chain', (t) => {
  for (const state of ['expired', 'missed', 'lost'] as const) {
    t.true(exposureOf(dealIn(state)).lockedAtMostAtto > 0n, state);
    t.deepEqual(exposureOf(over(state)), NO_EXPOSURE, state);
  }
  const { costAtto } = dealIn('rejected');
  t.deepEqual(
    exposureOf(dealIn('rejected')),
    { lockedAtMostAtto: costAtto, promisedAtto: 0n, mayComeAtto: costAtto },
    'who refuses may publish all the same',
  );
  for (const deal of [dealIn('failed'), over('rejected'), over('failed')]) t.deepEqual(exposureOf(deal), NO_EXPOSURE, deal.state);
});

test('chain and ledger differ by what no deal of ours locks, and by what a deal locks less than it should', (t) => {
  const deals = [onChain(), onChain({ lastUpdatedEpoch: START + 1_000 })];
  const expected = deals.reduce((sum, deal) => sum + lockedBy(deal), 0n);
  t.deepEqual(compareLedger(deals, { escrowAtto: 0n, lockedAtto: expected }), {
    expectedLockedAtto: expected,
    lockedAtto: expected,
    differenceAtto: 0n,
  });
  t.true(compareLedger(deals, { escrowAtto: 0n, lockedAtto: expected + 1n }).differenceAtto === 1n);
  t.true(compareLedger(deals, { escrowAtto: 0n, lockedAtto: expected - 1n }).differenceAtto === -1n);
});

const anyDeal = fc
  .record({
    state: fc.constantFrom<DealState>('intended', 'proposed', 'published', 'active', 'expired', 'missed', 'lost', 'rejected', 'failed'),
    settledEpoch: fc.option(fc.nat(12_000), { nil: undefined }),
  })
  .map(({ state, settledEpoch }) => dealIn(state, settledEpoch === undefined ? {} : { settledEpoch }));

testProp(
  'counted one by one or taken back again, the sums are those of the deals that are left, and never negative',
  [fc.array(anyDeal), fc.nat(20)],
  (t, deals, gone) => {
    const all = deals.map(exposureOf).reduce(plus, NO_EXPOSURE);
    const left = deals.slice(0, gone).map(exposureOf).reduce(minus, all);
    t.deepEqual(left, deals.slice(gone).map(exposureOf).reduce(plus, NO_EXPOSURE));
    t.true(left.lockedAtMostAtto >= left.mayComeAtto && left.mayComeAtto >= left.promisedAtto && left.promisedAtto >= 0n);
  },
);

testProp(
  'what is locked never grows with settlements and never exceeds the commitment',
  [fc.integer({ min: -1, max: 20_000 }), fc.nat(5_000)],
  (t, epoch, more) => {
    const before = lockedBy(onChain({ lastUpdatedEpoch: epoch }));
    const after = lockedBy(onChain({ lastUpdatedEpoch: epoch + more }));
    t.true(after <= before && before <= dealIn('active').costAtto && after >= COLLATERAL);
  },
);
