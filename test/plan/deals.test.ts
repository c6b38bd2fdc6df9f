import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { Deal, DealState } from '../../daemon/domain/deal.ts';
import type { Provider } from '../../daemon/domain/provider.ts';
import { type DealsInput, planDeals } from '../../daemon/plan/deals.ts';
import type { Money } from '../../daemon/plan/money.ts';
import { isLive, sameDomain } from '../../daemon/plan/providers.ts';
import { createDeal, createPiece, createPolicy, createProvider } from '../fixtures/create-cold.ts';

const RICH: Money = { perDayAtto: 10n ** 18n, perDealAtto: 10n ** 18n, committedTodayAtto: 0n };
const PROVIDERS = ['f01', 'f02', 'f03', 'f04', 'f05'].map((id) => createProvider(id));
/** 16 MiB of a GiB at 1,000 attoFIL for 10,000 epochs. */
const COST = 150_000n;
const DAY = 2_880;

function plan(deals: Deal[], change: Partial<DealsInput> = {}) {
  const { providers = PROVIDERS } = change;
  return planDeals({
    piece: createPiece(),
    deals,
    policy: createPolicy(),
    providers,
    headEpoch: 500,
    money: RICH,
    rules: { startLeadEpochs: 100, retryEpochs: 20, trusted: providers.map(({ id }) => id) },
    ...change,
  });
}

const reasonsOf = ({ proposals }: ReturnType<typeof plan>): string[] => proposals.map(({ reason }) => reason);
const ending = (n: number, endEpoch: number, change: Partial<Deal> = {}): Deal =>
  createDeal(n, { ...change, terms: { ...createDeal(n).terms, endEpoch } });

test('a piece without copies gets as many as wanted, each with a provider of its own, to the last term', (t) => {
  const { proposals, next } = plan([]);
  t.is(next.code, 'proposing');
  t.is(new Set(proposals.map(({ provider }) => provider)).size, 3);
  for (const proposal of proposals) {
    t.like(proposal, {
      reason: 'missing',
      startEpoch: 600,
      durationEpochs: 10_000,
      pricePerEpochAtto: 15n,
      costAtto: COST,
      verified: false,
    });
    t.is(proposal.replaces, undefined);
  }
});

test('with as many lasting copies as wanted nothing is done until the first one comes near its end', (t) => {
  const enough = plan([1, 2, 3].map((n) => createDeal(n, { activeEvidence: evidence(n) })));
  t.deepEqual(enough, { proposals: [], next: enough.next, look: { queue: 'renew', epoch: 9_100 } });
  t.is(enough.next.code, 'enough');
});

test('the cheapest provider is left out when it would keep two others from holding a copy each', (t) => {
  const [a, b, c] = ['f01', 'f02', 'f03'].map((id) => createProvider(id)) as [Provider, Provider, Provider];
  if (a.chain === undefined || b.chain === undefined || c.chain === undefined || b.ask === undefined) throw new Error('unknown');
  const between: Provider = {
    ...b,
    ask: { ...b.ask, priceAttoPerGibEpoch: 1n },
    chain: { ...b.chain, owner: a.chain.owner, hosts: c.chain.hosts },
  };
  const policy = createPolicy({ replicas: { min: 2, target: 2 } });
  const providersOf = ({ proposals }: ReturnType<typeof plan>) => proposals.map(({ provider }) => provider).sort();
  t.deepEqual(providersOf(plan([], { providers: [a, between, c], policy })), ['f01', 'f03']);
  t.deepEqual(providersOf(plan([createDeal(5)], { providers: [a, between, c], policy })), ['f02']);
});

test('copies on their way count', (t) => {
  const states: DealState[] = ['intended', 'accepted', 'published'];
  const planned = plan(states.map((state, index) => createDeal(index + 1, { state })));
  t.deepEqual(planned.proposals, []);
  t.is(planned.next.code, 'in_progress');
  t.is(planned.look?.queue, 'create');
});

test('a copy that ends within renew_before is replaced, by its own provider too, and only once', (t) => {
  const old = ending(1, 1_400);
  const renewal = plan([old, createDeal(2), createDeal(3)], { providers: [createProvider('f01')] });
  t.deepEqual(reasonsOf(renewal), ['expiring']);
  t.like(renewal.proposals[0], { provider: 'f01', replaces: 'deal-1' });
  t.deepEqual(plan([old, createDeal(2), createDeal(3), createDeal(4, { state: 'proposed', replaces: 'deal-1' })]).proposals, []);
});

test('two lasting deals with one provider are one copy, so one that was lost meanwhile is made again', (t) => {
  const renewed = createDeal(4, { provider: 'f01', domain: createDeal(1).domain, replaces: 'deal-1' });
  const planned = plan([createDeal(1), createDeal(2), createDeal(3, { state: 'lost' }), renewed]);
  t.deepEqual(reasonsOf(planned), ['lost']);
  const enough = plan([ending(1, 1_400), createDeal(2), createDeal(3), renewed]);
  t.is(enough.next.text, '3 of 3 copies are active');
});

test('a renewal that came to nothing is tried again, by the provider of the copy that ends as well', (t) => {
  for (const state of ['failed', 'missed', 'rejected'] as const) {
    const failed = createDeal(4, { state, replaces: 'deal-1', provider: 'f01' });
    const { proposals } = plan([ending(1, 1_400), createDeal(2), createDeal(3), failed], { providers: [createProvider('f01')] });
    t.like(proposals[0], { provider: 'f01', replaces: 'deal-1', reason: 'expiring' });
  }
});

test('a copy that nobody takes over keeps no other one from being renewed', (t) => {
  const planned = plan([ending(1, 1_300), ending(2, 1_400), createDeal(3)], { providers: [createProvider('f02')] });
  t.deepEqual(
    planned.proposals.map(({ provider, replaces }) => [provider, replaces]),
    [['f02', 'deal-2']],
  );
  const renewed = plan([ending(1, 1_300), ending(2, 1_400), createDeal(3), createDeal(5, { state: 'proposed', replaces: 'deal-2' })], {
    providers: [createProvider('f03')],
  });
  t.deepEqual(renewed.proposals, []);
  t.is(renewed.next.code, 'no_provider');
});

test('a copy that ends does not lend its failure domain to the replacement of another one', (t) => {
  const planned = plan([ending(1, 1_400), ending(2, 1_300), createDeal(3)], { providers: [createProvider('f01')] });
  t.like(planned.proposals, [{ provider: 'f01', replaces: 'deal-1' }]);
  t.is(planned.proposals.length, 1);
  t.is(planned.next.code, 'no_provider');
});

for (const state of ['lost', 'missed', 'failed'] as const) {
  test(`a copy that is ${state} is made again elsewhere`, (t) => {
    const planned = plan([createDeal(1, { state }), createDeal(2), createDeal(3)]);
    t.deepEqual(reasonsOf(planned), ['lost']);
    t.is(planned.proposals[0]?.replaces, 'deal-1');
  });
}

test('a refusal leaves its slot to the next provider, for the reason it had', (t) => {
  const refused = createDeal(4, { state: 'rejected', reason: 'lost', replaces: 'deal-1' });
  const planned = plan([createDeal(1, { state: 'lost' }), createDeal(2), createDeal(3), refused]);
  t.like(planned.proposals, [{ reason: 'lost', replaces: 'deal-1' }]);
});

test('a deal in doubt holds its slot; after a day with fewer than min active one spare is made, and no second', (t) => {
  const doubt = [1, 2].map((n) => createDeal(n, { state: 'intended', outcome: 'unknown' }));
  const day = { headEpoch: DAY };
  t.deepEqual(plan([...doubt, createDeal(3)]).proposals, []);
  t.is(plan([...doubt, createDeal(3)]).look?.epoch, DAY);
  t.deepEqual(reasonsOf(plan([...doubt, createDeal(3)], day)), ['missing']);
  t.deepEqual(plan([...doubt, createDeal(3), createDeal(4, { state: 'proposed' })], day).proposals, []);
  t.deepEqual(plan([doubt[0] as Deal, createDeal(3), createDeal(4)], day).proposals, []);
});

for (const [code, money, epoch] of [
  ['over_deal_cap', { perDealAtto: COST - 1n }, 520],
  ['over_budget', { perDayAtto: COST, committedTodayAtto: 1n }, DAY],
  ['funds_short', { availableAtto: COST - 1n }, 520],
] as const) {
  test(`${code}: no deal is made, it is said, and looked at again at epoch ${epoch}`, (t) => {
    t.like(plan([], { money: { ...RICH, ...money } }), { proposals: [], next: { code }, look: { queue: 'create', epoch } });
  });
}

test('what is left of the day is spent and the rest waits for tomorrow', (t) => {
  const planned = plan([], { money: { ...RICH, perDayAtto: 2n * COST } });
  t.is(planned.proposals.length, 2);
  t.like(planned, { next: { code: 'over_budget' }, look: { epoch: DAY } });
});

test('with too few providers what can be made is made, and the rest waits with the reasons', (t) => {
  const planned = plan([], { providers: [createProvider('f01'), createProvider('f02', { notBeforeEpoch: 510 })] });
  t.is(planned.proposals.length, 1);
  t.like(planned, { next: { code: 'no_provider' }, look: { epoch: 510 } });
});

test('the same provider gets a start of its own with each attempt', (t) => {
  const planned = plan([createDeal(1, { state: 'rejected', terms: { ...createDeal(1).terms, startEpoch: 600 } })], {
    providers: [createProvider('f01')],
  });
  t.is(planned.proposals[0]?.startEpoch, 601);
});

test('no deal is made about a piece that is retired, not built, or of no policy', (t) => {
  for (const state of ['retired', 'sealed'] as const) t.deepEqual(plan([], { piece: createPiece({ state }) }).proposals, []);
  t.like(plan([], { policy: undefined }), { proposals: [], next: { code: 'no_policy' } });
});

test('a policy that renews sooner than its deals last does not buy without end', (t) => {
  const policy = createPolicy({ durationEpochs: 1_000, renewBeforeEpochs: 5_000 });
  t.deepEqual(
    plan(
      [1, 2, 3].map((n) => ending(n, 1_600)),
      { policy },
    ).proposals,
    [],
  );
});

function evidence(n: number): NonNullable<Deal['activeEvidence']> {
  return { kind: 'marketDeal', chainDealId: n, sectorStartEpoch: 90, seenEpoch: 100, atMs: 0 };
}

const anyDeal = fc
  .record({
    n: fc.nat(7),
    state: fc.constantFrom<DealState>(
      'intended',
      'proposed',
      'accepted',
      'published',
      'active',
      'expired',
      'rejected',
      'failed',
      'missed',
      'lost',
    ),
    endEpoch: fc.constantFrom(1_400, 9_000, 10_000),
    unknown: fc.boolean(),
  })
  .map(({ n, state, endEpoch, unknown }) => ending(n, endEpoch, { state, ...(unknown ? { outcome: 'unknown' as const } : {}) }));
const anyDeals = fc.uniqueArray(anyDeal, { selector: ({ id }) => id });
const anyProviders = fc.uniqueArray(
  fc.nat(12).map((n): Provider => createProvider(`f0${n}`)),
  { selector: ({ id }) => id },
);

testProp(
  'whatever deals there are: never beyond target and a spare, nor budget, nor into a failure domain but the predecessor’s',
  [anyDeals, anyProviders, fc.bigInt(0n, 5n * COST), fc.constantFrom(500, DAY)],
  (t, deals, providers, perDayAtto, headEpoch) => {
    const { proposals, next, look } = plan(deals, { providers, headEpoch, money: { ...RICH, perDayAtto } });
    const lasting = deals.filter((deal) => isLive(deal) && deal.terms.endEpoch > headEpoch + 1_000);
    t.true(proposals.length === 0 || lasting.length + proposals.length <= 4);
    t.true(proposals.reduce((sum, { costAtto }) => sum + costAtto, 0n) <= perDayAtto);
    for (const [index, proposal] of proposals.entries()) {
      const others = [...deals.filter((deal) => isLive(deal) && deal.id !== proposal.replaces), ...proposals.slice(0, index)];
      t.false(others.some(({ domain }) => sameDomain(domain, proposal.domain)));
    }
    t.is(
      new Set(proposals.flatMap(({ replaces = [] }) => replaces)).size,
      proposals.filter(({ replaces }) => replaces !== undefined).length,
    );
    t.true(next.text.length > 0);
    if (look !== undefined) t.true(look.epoch > headEpoch || proposals.length > 0);
  },
);
