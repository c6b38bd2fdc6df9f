import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { ChainView } from '../../daemon/domain/cold-ports.ts';
import type { ChainMemory } from '../../daemon/domain/cold-store-port.ts';
import { compareLedger, exposureOf, lockedBy } from '../../daemon/plan/ledger.ts';
import {
  type FundsLook,
  otherChain,
  tripByLosses,
  tripByWallet,
  unexplainedLocked,
  unexplainedWithdrawal,
} from '../../daemon/plan/losses.ts';
import { costOf, nextDayEpoch, unaffordable } from '../../daemon/plan/money.ts';
import { planSample } from '../../daemon/plan/sample.ts';
import { planSpending, type SpendingInput } from '../../daemon/plan/spending.ts';
import { createDeal, createMarketDeal, createPiece, RULES } from '../fixtures/create-cold.ts';

const VIEW: ChainView = { network: 'net', genesisCid: 'bafygenesis', headEpoch: 1_000, finalizedEpoch: 990, finalizedKey: ['a'] };
const MEMORY: ChainMemory = { network: 'net', genesisCid: 'bafygenesis', finalizedEpoch: 980, wallet: 'f1me' };
const FINE: SpendingInput = {
  breaker: undefined,
  view: VIEW,
  otherChain: false,
  makerProblem: undefined,
  freeAtto: 1n,
  fundsRefused: false,
  behindMaxSeconds: 600,
};

test('with a node, a chain, a wallet and money, deals may be made', (t) => {
  t.is(planSpending(FINE), undefined);
});

for (const [code, change] of [
  ['frozen', { breaker: { by: 'operator', code: 'frozen', text: 'x', atMs: 0 }, chainFailure: 'unreachable' }],
  ['lotus_down', { chainFailure: 'unreachable' }],
  ['lotus_down', { chainFailure: 'refused' }],
  ['lotus_token', { chainFailure: 'unauthorized' }],
  ['other_network', { otherChain: true }],
  ['lotus_behind', { view: { ...VIEW, behindSeconds: 601 } }],
  ['weak_token', { makerProblem: { code: 'weak_token', text: 'x' } }],
  ['wallet_empty', { freeAtto: 0n }],
  ['funds_short', { fundsRefused: true }],
] as const) {
  test(`deals wait: ${code} by ${Object.keys(change).join(' and ')} ${'chainFailure' in change ? change.chainFailure : ''}`, (t) => {
    const reason = planSpending({ ...FINE, ...change } as SpendingInput);
    t.is(reason?.code, code);
    t.notRegex(reason?.text ?? '', /[/:]\d|http|token_file/);
  });
}

test('another network, another genesis and a younger chain are told from the chain of the deals', (t) => {
  const isOther = (view: Partial<ChainView>) => otherChain({ ...VIEW, ...view }, MEMORY, 10) !== undefined;
  t.false(isOther({}));
  t.false(isOther({ finalizedEpoch: 970 }));
  t.true(isOther({ finalizedEpoch: 969 }));
  t.true(isOther({ network: 'else' }));
  t.true(isOther({ genesisCid: 'bafyelse' }));
  t.is(otherChain(VIEW, undefined, 10), undefined, 'the first chain that is seen is it');
});

test('another wallet stops spending', (t) => {
  t.is(tripByWallet('f1me', MEMORY), undefined);
  t.is(tripByWallet('f1other', MEMORY)?.code, 'ledger');
  t.is(tripByWallet(undefined, MEMORY), undefined);
  t.is(tripByWallet('f1me', undefined), undefined);
});

test('who stops spending need not say why', (t) => {
  const text = (why: string) => planSpending({ ...FINE, breaker: { by: 'operator', code: 'frozen', text: why, atMs: 0 } })?.text;
  t.is(text('moving'), 'spending is frozen: moving');
  t.is(text(''), 'spending is frozen');
});

test('losses at more than two owners within the window stop spending; at two, or one after the other, they do not', (t) => {
  const losses = ['a', 'b', 'b', 'c'].map((owner, index) => ({ owner, epoch: 100 * index }));
  t.is(tripByLosses(losses.slice(0, 3), 300, 1_000), undefined);
  t.is(tripByLosses(losses, 300, 1_000)?.code, 'losses');
  t.is(tripByLosses(losses, 300, 250), undefined);
});

const look = (change: Partial<FundsLook>): FundsLook => ({
  escrowAtto: 100n,
  lockedAtto: 40n,
  lockedAtMostAtto: 50n,
  promisedAtto: 10n,
  intendedTotalAtto: 10n,
  ...change,
});

test('locked is explained up to what all our deals may have locked', (t) => {
  t.is(unexplainedLocked(look({ lockedAtto: 50n })), 0n);
  t.is(unexplainedLocked(look({ lockedAtto: 53n })), 3n);
});

for (const [what, now, taken] of [
  ['nothing happens', {}, 0n],
  ['somebody adds', { escrowAtto: 500n }, 0n],
  ['a provider is paid', { escrowAtto: 80n, lockedAtto: 20n }, 0n],
  ['a provider is paid while a promised deal is locked', { escrowAtto: 80n, lockedAtto: 30n }, 0n],
  ['a provider is paid while a new deal is locked', { escrowAtto: 80n, lockedAtto: 60n, intendedTotalAtto: 40n }, 0n],
  ['somebody withdraws', { escrowAtto: 60n }, 30n],
] as const) {
  test(`escrow when ${what}: ${taken} are unexplained`, (t) => {
    t.is(unexplainedWithdrawal(look({}), look(now)), taken);
  });
}

testProp(
  'no run of adding, locking, paying and releasing looks like a withdrawal',
  [fc.array(fc.record({ do: fc.constantFrom('add', 'promise', 'lock', 'pay', 'release'), atto: fc.bigInt(0n, 100n) }), { minLength: 1 })],
  (t, steps) => {
    const now = { ...look({}) };
    for (const { do: what, atto } of steps) {
      const least = (limit: bigint): bigint => (atto < limit ? atto : limit);
      if (what === 'add') now.escrowAtto += atto;
      if (what === 'promise') [now.promisedAtto, now.intendedTotalAtto] = [now.promisedAtto + atto, now.intendedTotalAtto + atto];
      if (what === 'lock')
        [now.lockedAtto, now.promisedAtto] = [now.lockedAtto + least(now.promisedAtto), now.promisedAtto - least(now.promisedAtto)];
      if (what === 'pay')
        [now.escrowAtto, now.lockedAtto] = [now.escrowAtto - least(now.lockedAtto), now.lockedAtto - least(now.lockedAtto)];
      if (what === 'release') now.lockedAtto -= least(now.lockedAtto);
      t.is(unexplainedWithdrawal(look({}), now), 0n);
    }
  },
);

test('the whole commitment is the price of every epoch and the collateral', (t) => {
  t.is(costOf({ startEpoch: 100, endEpoch: 110, pricePerEpochAtto: 3n, clientCollateralAtto: 4n }), 34n);
  t.is(nextDayEpoch(2_879), 2_880);
  t.is(nextDayEpoch(2_880), 5_760);
});

test('a deal is affordable up to the last attoFIL', (t) => {
  const money = { perDayAtto: 100n, perDealAtto: 60n, committedTodayAtto: 50n, availableAtto: 50n };
  t.is(unaffordable(50n, money), undefined);
  t.is(unaffordable(51n, money)?.code, 'over_budget');
  t.is(unaffordable(61n, money)?.code, 'over_deal_cap');
  t.is(unaffordable(50n, { ...money, availableAtto: 49n })?.code, 'funds_short');
});

test('a deal locks what was not paid yet: all of it before the first settlement, the rest after, and its collateral', (t) => {
  const deal = createMarketDeal(createDeal(1), { clientCollateralAtto: 7n });
  t.is(lockedBy(deal), 50_007n);
  t.is(lockedBy({ ...deal, lastUpdatedEpoch: 50 }), 50_007n);
  t.is(lockedBy({ ...deal, lastUpdatedEpoch: 5_100 }), 25_007n);
  t.is(lockedBy({ ...deal, lastUpdatedEpoch: 20_000 }), 7n);
  t.is(compareLedger([deal, deal], { escrowAtto: 0n, lockedAtto: 100_015n }).differenceAtto, 1n);
});

test('what a deal may have locked: all while it may come, the rest while it runs or is unsettled, nothing when it is over', (t) => {
  t.deepEqual(exposureOf(createDeal(1, { state: 'proposed' })), { lockedAtMostAtto: 50_000n, promisedAtto: 50_000n, mayComeAtto: 50_000n });
  t.deepEqual(exposureOf(createDeal(1, { settledEpoch: 5_100 })), { lockedAtMostAtto: 25_000n, promisedAtto: 0n, mayComeAtto: 0n });
  t.is(exposureOf(createDeal(1, { state: 'missed' })).lockedAtMostAtto, 50_000n);
  const { dueEpoch: _, ...over } = createDeal(1, { state: 'expired' });
  t.is(exposureOf(over).lockedAtMostAtto, 0n);
  t.deepEqual(
    exposureOf(createDeal(1, { state: 'rejected' })),
    { lockedAtMostAtto: 50_000n, promisedAtto: 0n, mayComeAtto: 50_000n },
    'until its start is final',
  );
  t.is(exposureOf({ ...over, state: 'rejected' }).lockedAtMostAtto, 0n);
});

test('samples stay within the bytes and the money of a day, and a deal is not sampled again at once', (t) => {
  const { built } = createPiece();
  const spent = { day: 0, bytes: 0, atto: 0n };
  const sample = (deal: Parameters<typeof planSample>[0], price = 0n, before = spent) =>
    built === undefined ? undefined : planSample(deal, built, price, before, 1_000, RULES);
  t.like(sample({}), { kind: 'take', spent: { bytes: 10 * 2 ** 20 } });
  t.like(sample({}, 1n), { reason: 'over_money' });
  t.like(sample({}, 0n, { ...spent, bytes: 60 * 2 ** 20 }), { reason: 'over_bytes' });
  t.like(sample({ retrievalFailure: { atMs: 0, epoch: 990, text: 'x' } }), { reason: 'recent' });
  t.like(sample({ retrievalFailure: { atMs: 0, epoch: 900, text: 'x' } }), { kind: 'take' });
});
