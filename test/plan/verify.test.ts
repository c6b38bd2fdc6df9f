import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { DealReport, MarketDeal } from '../../daemon/domain/cold-ports.ts';
import type { Deal, DealState } from '../../daemon/domain/deal.ts';
import { isSameDeal, placeOf } from '../../daemon/plan/chain-place.ts';
import type { DealStep, Seen } from '../../daemon/plan/deal-step.ts';
import { planVerify } from '../../daemon/plan/verify.ts';
import { planSent } from '../../daemon/plan/verify-pending.ts';
import { createDeal, createMarketDeal, RULES } from '../fixtures/create-cold.ts';

const evidence = { kind: 'marketDeal', chainDealId: 1, sectorStartEpoch: 90, seenEpoch: 100, atMs: 0 } as const;
const dealIn = (state: DealState, change: Partial<Deal> = {}): Deal => createDeal(1, { state, ...change });
const ACTIVE = dealIn('active', { activeEvidence: evidence });
const onChain = (change: Partial<MarketDeal> = {}): MarketDeal => createMarketDeal(ACTIVE, change);

/** What was seen at the finalized epoch, the head ten epochs later. */
function seenAt(finalizedEpoch: number, change: Partial<Seen> = {}): Seen {
  return { headEpoch: finalizedEpoch + 10, finalizedEpoch, nowMs: 1, final: 'absent', atHead: 'absent', ...change };
}

const verify = (deal: Deal, seen: Seen): DealStep => planVerify(deal, seen, RULES);
const going = (state: 'proposed' | 'accepted' | 'published'): DealReport => ({ kind: 'going', state, said: state });

for (const [place, final, atHead, head, finalized] of [
  ['absent', 'absent', 'absent', 60, 50],
  [undefined, 'absent', undefined, 60, 50],
  [undefined, undefined, onChain(), 60, 50],
  ['published', 'absent', onChain(), 60, 50],
  ['published', onChain(), undefined, 110, 100],
  ['late', onChain(), undefined, 111, 101],
  ['active', onChain({ sectorStartEpoch: 90 }), undefined, 10_099, 10_089],
  ['active', onChain({ sectorStartEpoch: 0 }), undefined, 60, 50],
  ['ended', onChain({ sectorStartEpoch: 90 }), undefined, 10_100, 10_090],
  ['slashed', onChain({ sectorStartEpoch: 90, slashEpoch: 700 }), undefined, 800, 790],
] as const) {
  test(`the chain at ${finalized} and ${head} with ${typeof final === 'object' ? `sector ${final.sectorStartEpoch}` : final} then ${typeof atHead === 'object' ? 'there' : atHead} means ${place}`, (t) => {
    t.is(placeOf(final, atHead, head, finalized), place);
  });
}

test('a deal on the chain is ours only when all its terms are', (t) => {
  const same = (change: Partial<MarketDeal>): boolean => isSameDeal(ACTIVE, 'baga-1', 'f099', onChain(change));
  t.true(same({}));
  for (const change of [
    { pieceCid: 'x' },
    { provider: 'f09' },
    { startEpoch: 1 },
    { endEpoch: 1 },
    { pricePerEpochAtto: 1n },
    { client: 'f01' },
  ]) {
    t.false(same(change));
  }
});

test('what proves it active says at which tip set it was seen, and whom the market has as its client', (t) => {
  const seen = seenAt(80, { final: onChain({ sectorStartEpoch: 70, client: 'f0101' }), chainDealId: 1, finalizedKey: ['bafyblock'] });
  t.like(verify(dealIn('published'), seen).deal.activeEvidence, { seenEpoch: 80, tipSet: ['bafyblock'], clientId: 'f0101' });
});

test('it is published when the chain has it, active when the finalized chain has it in a sector, and expired at its end', (t) => {
  const published = verify(dealIn('accepted'), seenAt(50, { atHead: onChain(), chainDealId: 1 }));
  t.like(published.deal, { state: 'published', chainDealId: 1 });
  const active = verify(published.deal, seenAt(80, { final: onChain({ sectorStartEpoch: 70 }), chainDealId: 1 }));
  t.like(active.deal, {
    state: 'active',
    activeEvidence: { chainDealId: 1, sectorStartEpoch: 70, seenEpoch: 80 },
    dueEpoch: 90 + RULES.recheckEpochs,
  });
  t.deepEqual(
    active.events.map(({ kind }) => kind),
    ['active'],
  );
  const expired = verify(active.deal, seenAt(10_090, { final: onChain({ sectorStartEpoch: 70 }), chainDealId: 1 }));
  t.is(expired.deal.state, 'expired');
  t.is(expired.budgetAtto, 0n);
});

test('that its provider says it is published is not yet a publication', (t) => {
  t.is(verify(dealIn('proposed'), seenAt(50, { report: going('published') })).deal.state, 'accepted');
});

test('a reorg takes a publication and an activation back', (t) => {
  const { deal } = verify(dealIn('published'), seenAt(50));
  t.is(deal.state, 'accepted');
  t.is(deal.chainDealId, undefined);
  t.is(verify(dealIn('active', { activeEvidence: evidence }), seenAt(95, { final: onChain() })).deal.state, 'published');
});

test('a missed start lingers with its money and its budget until it is settled', (t) => {
  const missed = verify(dealIn('published'), seenAt(101, { final: onChain() }));
  t.like(missed, { deal: { state: 'missed', dueEpoch: 111 + RULES.settleEpochs }, budgetAtto: 0n });
  t.deepEqual(
    missed.events.map(({ kind }) => kind),
    ['missed'],
  );
  const settled = verify(missed.deal, seenAt(500));
  t.is(settled.deal.dueEpoch, undefined);
  t.is(settled.budgetAtto, -50_000n);
});

for (const [what, sight] of [
  ['terminated and deleted', {}],
  ['slashed and still there', { final: onChain({ sectorStartEpoch: 90, slashEpoch: 700 }) }],
] as const) {
  test(`a deal that is ${what} is lost only at the second sight, confirm_lost later`, (t) => {
    const first = verify(ACTIVE, seenAt(1_000, sight));
    t.like(first.deal, { state: 'active', suspectSinceEpoch: 1_000, dueEpoch: 1_030 });
    t.is(verify(first.deal, seenAt(1_019, sight)).deal.state, 'active');
    const lost = verify(first.deal, seenAt(1_020, sight));
    t.is(lost.deal.state, 'lost');
    t.deepEqual(
      lost.events.map(({ kind }) => kind),
      ['lost'],
    );
  });
}

test('that it takes too long is said once, and changes nothing else', (t) => {
  const late = [
    [dealIn('accepted'), { report: going('accepted') }, 55, 'still not on the chain'],
    [dealIn('proposed'), { report: going('proposed') }, 55, 'still not on the chain'],
    [dealIn('published'), { final: onChain() }, 90, 'its start is near'],
  ] as const;
  for (const [deal, sight, epoch, words] of late) {
    t.is(verify(deal, seenAt(epoch - 30, sight)).note, undefined);
    const first = verify(deal, seenAt(epoch, sight));
    t.true(first.note?.includes(words), first.note);
    t.is(first.deal.state, deal.state);
    t.is(first.deal.history.at(-1)?.reason, first.note);
    const again = verify(first.deal, seenAt(epoch + 5, sight));
    t.is(again.note, undefined);
    t.is(again.deal.history.length, first.deal.history.length);
  }
});

test('a deal that turns up again was never lost', (t) => {
  const { deal } = verify(verify(ACTIVE, seenAt(1_000)).deal, seenAt(1_030, { final: onChain({ sectorStartEpoch: 90 }) }));
  t.is(deal.state, 'active');
  t.is(deal.suspectSinceEpoch, undefined);
});

test('not found after its end it has expired; suspected before its end it is lost', (t) => {
  t.is(verify(ACTIVE, seenAt(10_100)).deal.state, 'expired');
  t.is(verify({ ...ACTIVE, suspectSinceEpoch: 10_090 }, seenAt(10_110)).deal.state, 'lost');
});

test('nothing is concluded from a chain that did not answer', (t) => {
  for (const state of ['published', 'active', 'missed', 'rejected'] as const) {
    const { deal, budgetAtto } = verify(dealIn(state), seenAt(5_000, { final: undefined, atHead: undefined }));
    t.is(deal.state, state);
    t.is(budgetAtto, 0n);
    t.true((deal.dueEpoch ?? 0) > 5_010);
  }
});

test('never given up before the finalized chain has passed its start, whatever maker and provider say', (t) => {
  const reports: DealReport[] = [{ kind: 'absent' }, { kind: 'doubtful', said: 'failed' }, going('accepted')];
  for (const report of reports) {
    t.is(verify(dealIn('accepted'), seenAt(100, { report })).deal.state, 'accepted');
    const failed = verify(dealIn('accepted'), seenAt(101, { report }));
    t.is(failed.deal.state, 'failed');
    t.is(failed.budgetAtto, -50_000n);
    t.is(failed.deal.dueEpoch, undefined);
  }
  t.is(verify(dealIn('accepted'), seenAt(101)).deal.state, 'accepted', 'its maker did not answer');
});

test('an explicit refusal frees the slot before acceptance, and is doubted after it', (t) => {
  const report: DealReport = { kind: 'refused', why: 'price', said: 'too cheap' };
  const rejected = verify(dealIn('proposed'), seenAt(50, { report }));
  t.like(rejected, { deal: { state: 'rejected', said: 'too cheap' }, budgetAtto: -50_000n });
  t.deepEqual(
    rejected.events.map(({ kind }) => kind),
    ['refused'],
  );
  t.like(verify(dealIn('accepted'), seenAt(50, { report })).deal, { state: 'accepted', outcome: 'unknown' });
});

for (const [why, kind] of [
  ['not_allowed', 'not_allowed'],
  ['funds', undefined],
  ['busy', 'refused'],
] as const) {
  test(`a refusal for ${why} goes into the provider's history as ${kind}`, (t) => {
    const { events } = verify(dealIn('proposed'), seenAt(50, { report: { kind: 'refused', why, said: 'no' } }));
    t.is(events[0]?.kind, kind);
  });
}

test('a deal published after its refusal is a deal, and its money counts again', (t) => {
  const rejected = dealIn('rejected', { dueEpoch: 111 });
  const step = verify(rejected, seenAt(90, { final: onChain(), chainDealId: 1 }));
  t.is(step.deal.state, 'published');
  t.is(step.budgetAtto, 50_000n);
  t.is(verify(rejected, seenAt(101)).deal.dueEpoch, undefined);
  t.true((verify(rejected, seenAt(100)).deal.dueEpoch ?? 0) > 110);
});

test('an intent that was never sent goes out while there is time, and ends at once when there is not', (t) => {
  const intended = dealIn('intended', { sends: 0 });
  t.like(verify(intended, seenAt(30)), { resend: true, deal: { state: 'intended' } });
  t.like(verify(intended, seenAt(50)), { resend: false, deal: { state: 'failed' }, budgetAtto: -50_000n });
});

test('what was sent and is not known to its maker is sent again, the same, until its start', (t) => {
  const report: DealReport = { kind: 'absent' };
  t.like(verify(dealIn('intended'), seenAt(80, { report })), { resend: true, deal: { outcome: 'unknown', state: 'intended' } });
  t.false(verify(dealIn('intended'), seenAt(95, { report })).resend);
  t.false(verify(dealIn('accepted'), seenAt(80, { report })).resend);
});

test('a refusal is one only as the reply to the first send; no reply means unknown', (t) => {
  const input = (sends: number) => ({ deal: dealIn('intended', { sends }), seen: seenAt(10), rules: RULES });
  const refused = { kind: 'refused', why: 'busy', said: 'later' } as const;
  t.is(planSent(input(1), refused).deal.state, 'rejected');
  t.like(planSent(input(2), refused).deal, { state: 'intended', outcome: 'unknown' });
  t.like(planSent(input(1), undefined).deal, { state: 'intended', outcome: 'unknown' });
  t.like(planSent(input(3), { kind: 'sent', said: 'already tracking' }).deal, { state: 'proposed', said: 'already tracking' });
});

const anySight = fc.constantFrom<Seen['final']>(
  undefined,
  'absent',
  onChain(),
  onChain({ sectorStartEpoch: 90 }),
  onChain({ sectorStartEpoch: 90, slashEpoch: 95 }),
);
const anyReport = fc.constantFrom<DealReport | undefined>(
  undefined,
  { kind: 'absent' },
  { kind: 'doubtful', said: 'x' },
  { kind: 'refused', why: 'other', said: 'x' },
  going('accepted'),
  going('published'),
);
const anyLook = fc.record({ by: fc.integer({ min: 1, max: 3_000 }), final: anySight, atHead: anySight, report: anyReport });

testProp(
  'whatever is seen in whatever order: the budget adds up, a deal that is not over is looked at again, and none is lost at one sight',
  [fc.array(anyLook, { minLength: 1, maxLength: 12 }), fc.nat(2)],
  (t, looks, sends) => {
    let deal = dealIn('intended', { sends });
    let bookedAtto = deal.costAtto;
    let finalizedEpoch = 0;
    for (const { by, final, atHead, report } of looks) {
      if (deal.dueEpoch === undefined) break;
      const before = deal;
      finalizedEpoch += by;
      const step = verify(deal, seenAt(finalizedEpoch, { final, atHead, ...(report === undefined ? {} : { report }) }));
      deal = step.deal;
      bookedAtto += step.budgetAtto;
      t.true(bookedAtto === 0n || bookedAtto === deal.costAtto);
      if (deal.state === 'rejected' || deal.state === 'failed') t.is(bookedAtto, 0n);
      if (deal.state === 'active' || deal.state === 'published') t.is(bookedAtto, deal.costAtto);
      if (deal.state === 'lost' && before.state !== 'lost')
        t.true(finalizedEpoch - (before.suspectSinceEpoch ?? finalizedEpoch) >= RULES.confirmLostEpochs);
      if (deal.dueEpoch !== undefined) t.true(deal.dueEpoch > finalizedEpoch + 10);
      if (deal.dueEpoch === undefined) t.true(['expired', 'missed', 'lost', 'rejected', 'failed'].includes(deal.state));
      t.true(deal.history.length <= 64);
    }
  },
);
