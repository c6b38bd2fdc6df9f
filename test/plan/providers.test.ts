import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { Provider, ProviderEvent } from '../../daemon/domain/provider.ts';
import { chooseProvider } from '../../daemon/plan/choose-provider.ts';
import { domainOf, ineligible, pricePerEpoch, sameDomain, withEvent } from '../../daemon/plan/providers.ts';
import { scoreOf } from '../../daemon/plan/score.ts';
import { createDeal, createPolicy, createProvider, RULES } from '../fixtures/create-cold.ts';

const GIB = 2 ** 30;
const event = (kind: ProviderEvent['kind'], epoch = 0): ProviderEvent => ({ epoch, atMs: 0, kind, text: kind });

for (const [code, provider, policy] of [
  ['untrusted', createProvider('f09'), {}],
  ['excluded', createProvider('f01'), { excluded: ['f01'] }],
  ['suspended', createProvider('f01', { suspended: { text: 'x', atMs: 0 } }), {}],
  ['country', createProvider('f01', { country: 'DE' }), { countries: ['SE'] }],
  ['country', createProvider('f01'), { countries: ['SE'] }],
  ['backing_off', createProvider('f01', { notBeforeEpoch: 51 }), {}],
  ['unread', { id: 'f01', notBeforeEpoch: 0, failuresInRow: 0, events: [] }, {}],
  ['too_dear', createProvider('f01'), { maxPriceAttoPerGibEpoch: 999n }],
] as const) {
  test(`a provider (${provider.country}) is not asked: ${code} ${JSON.stringify(policy, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}`, (t) => {
    const input = {
      provider: provider as Provider,
      policy: createPolicy(policy),
      trusted: ['f01'],
      pieceSizeBytes: GIB / 4,
      headEpoch: 50,
    };
    t.is(ineligible(input)?.code, code);
  });
}

test('a provider is asked for what lies within its limits of size, and for verified deals by their own price', (t) => {
  const provider = createProvider('f01');
  const input = { provider, policy: createPolicy(), trusted: ['f01'], headEpoch: 50 };
  t.is(ineligible({ ...input, pieceSizeBytes: GIB / 2 }), undefined);
  t.is(ineligible({ ...input, pieceSizeBytes: GIB })?.code, 'too_big');
  t.is(ineligible({ ...input, pieceSizeBytes: 128 })?.code, 'too_small');
  t.is(ineligible({ ...input, pieceSizeBytes: 256, policy: createPolicy({ verifiedDeal: true, maxPriceAttoPerGibEpoch: 0n }) }), undefined);
});

test('the price is what providers compute: the ask for a GiB, rounded down', (t) => {
  t.is(pricePerEpoch(createProvider('f01'), false, GIB), 1_000n);
  t.is(pricePerEpoch(createProvider('f01'), false, 2 ** 20), 0n);
  t.is(pricePerEpoch(createProvider('f01'), false, 2 ** 21), 1n);
});

for (const key of ['owner', 'worker', 'beneficiary', 'peerId'] as const) {
  test(`providers with the same ${key} are one failure domain`, (t) => {
    const a = createDeal(1).domain;
    t.false(sameDomain(a, createDeal(2).domain));
    t.true(sameDomain(a, { ...createDeal(2).domain, [key]: a[key] }));
  });
}

test('providers with a host in common are one failure domain, and two without peer ids are not for that', (t) => {
  const { peerId: _, ...a } = createDeal(1).domain;
  const { peerId: __, ...b } = createDeal(2).domain;
  t.false(sameDomain(a, b));
  t.true(sameDomain(a, { ...b, hosts: ['x', ...a.hosts] }));
});

test('the score starts in the middle, follows what was done, and says of what it is made', (t) => {
  t.deepEqual(scoreOf({ events: [] }), { value: 0.5, reasons: ['no history yet'] });
  const good = scoreOf({ events: [event('accepted'), event('active'), event('verified')] });
  t.true(good.value > 0.7);
  t.deepEqual(good.reasons, ['1 accepted', '1 sealed in time', '1 given back on demand']);
  t.true(scoreOf({ events: [event('active'), event('lost')] }).value < 0.3);
});

test('an allow-list costs no score', (t) => {
  t.is(scoreOf({ events: [event('not_allowed'), event('not_allowed')] }).value, 0.5);
});

test('after a refusal the ask is read anew before the provider is asked again', (t) => {
  t.is(withEvent(createProvider('f01'), event('refused', 5), RULES).refreshedEpoch, undefined);
  t.is(withEvent(createProvider('f01'), event('missed', 5), RULES).refreshedEpoch, 0);
});

test('pauses double with each failure in a row, up to the cap, and end with a success', (t) => {
  let provider = createProvider('f01');
  const pauses: number[] = [];
  for (let turn = 0; turn < 12; turn += 1) {
    provider = withEvent(provider, event('refused', provider.notBeforeEpoch), RULES);
    pauses.push(provider.notBeforeEpoch - (provider.events.at(-1)?.epoch ?? 0));
  }
  t.deepEqual(pauses.slice(0, 4), [20, 40, 80, 160]);
  t.is(pauses.at(-1), RULES.backoffCapEpochs);
  t.is(withEvent(provider, event('accepted', 0), RULES).notBeforeEpoch, 0);
  t.is(withEvent(createProvider('f01'), event('not_allowed', 5), RULES).notBeforeEpoch, 5 + RULES.backoffCapEpochs);
  t.is(withEvent(createProvider('f01'), event('retrieval_failed', 5), RULES).notBeforeEpoch, 0);
});

function choose(providers: Provider[], change = {}, holders: Parameters<typeof chooseProvider>[0]['holders'] = [], pieceId = 'piece-1') {
  const trusted = providers.map(({ id }) => id);
  return chooseProvider({ pieceId, pieceSizeBytes: GIB / 4, policy: createPolicy(change), providers, trusted, headEpoch: 0, holders });
}

test('the better score goes first, then the lower price', (t) => {
  const dear = createProvider('f02', {
    ask: { ...createProvider('f02').ask, priceAttoPerGibEpoch: 2_000n } as NonNullable<Provider['ask']>,
  });
  const good = createProvider('f03', { events: [event('active'), event('verified')] });
  t.like(choose([dear, createProvider('f01')]), { provider: { id: 'f01' } });
  t.like(choose([dear, createProvider('f01'), good]), { provider: { id: 'f03' } });
});

test('equal providers share the load, and one piece always gets the same', (t) => {
  const providers = ['f01', 'f02', 'f03', 'f04'].map((id) => createProvider(id));
  const chosen = Array.from({ length: 200 }, (_, index) => {
    const choice = choose(providers, {}, [], `piece-${index}`);
    t.deepEqual(choice, choose(providers.toReversed(), {}, [], `piece-${index}`));
    return choice.kind === 'chosen' ? choice.provider.id : '';
  });
  for (const { id } of providers) t.true(chosen.filter((one) => one === id).length > 25);
});

test('copies go to another country first when they are to be spread', (t) => {
  const providers = [createProvider('f01', { country: 'DE', events: [event('active')] }), createProvider('f02', { country: 'SE' })];
  const holders = [createDeal(9, { country: 'DE' })];
  t.like(choose(providers, { spread: true }, holders), { provider: { id: 'f02' } });
  t.like(choose(providers, { spread: false }, holders), { provider: { id: 'f01' } });
});

test('when nobody can be asked it is said of each why, and when the first rest is over', (t) => {
  const providers = [createProvider('f01', { notBeforeEpoch: 90 }), createProvider('f02', { notBeforeEpoch: 70 }), createProvider('f03')];
  const none = choose(providers, {}, [createDeal(3, { provider: 'f09' })]);
  t.like(none, { kind: 'none', againEpoch: 70, why: { code: 'no_provider' } });
  t.regex(none.kind === 'none' ? none.why.text : '', /f01 is given a rest.*f02 .*f03 is in one failure domain/);
  const only = choose([createProvider('f03')], {}, [createDeal(3, { provider: 'f03' })]);
  t.like(only, { why: { text: 'no eligible provider: f03 has a copy already' } });
  const suspended = choose([createProvider('f03', { suspended: { text: '', atMs: 0 } })]);
  t.like(suspended, { why: { text: 'no eligible provider: f03 is suspended' } });
  t.like(choose([createProvider('f01')], { maxPriceAttoPerGibEpoch: 1n }), { why: { code: 'too_dear' } });
  t.like(choose([]), { why: { code: 'no_provider' } });
});

const anyProvider = fc
  .record({ id: fc.nat(30), owner: fc.nat(8), host: fc.nat(8), price: fc.bigInt(0n, 2_000n), rest: fc.nat(2), suspended: fc.boolean() })
  .map(({ id, owner, host, price, rest, suspended }) => {
    const made = createProvider(`f0${id}`, { notBeforeEpoch: rest, ...(suspended ? { suspended: { text: 'x', atMs: 0 } } : {}) });
    return {
      ...made,
      chain: { ...made.chain, owner: `${owner}`, hosts: [`${host}`] },
      ask: { ...made.ask, priceAttoPerGibEpoch: price },
    } as Provider;
  });

testProp(
  'whoever is chosen may be asked and shares nothing with a holder',
  [fc.array(anyProvider), fc.array(anyProvider)],
  (t, providers, holding) => {
    const holders = holding.flatMap(({ id, chain }) => (chain === undefined ? [] : [{ provider: id, domain: domainOf(chain) }]));
    const choice = choose(providers, { maxPriceAttoPerGibEpoch: 1_000n }, holders);
    if (choice.kind === 'none') return t.pass();
    t.true(choice.provider.suspended === undefined && choice.provider.notBeforeEpoch === 0);
    t.true((choice.provider.ask?.priceAttoPerGibEpoch ?? 0n) <= 1_000n);
    return t.false(holders.some(({ domain }) => sameDomain(domain, choice.domain)));
  },
);
