import test from 'ava';

import type { Ask } from '../../daemon/domain/provider.ts';
import { PROVIDERS, TestCold } from '../fixtures/create-cold-reconcilers.ts';

const never = new AbortController().signal;

/** Who is asked tells this, whoever it is. */
function tells(cold: TestCold, change: (id: string) => Partial<Ask>): void {
  const honest = cold.maker.ask.bind(cold.maker);
  cold.maker.ask = async (id) => ({ ...(await honest(id)), ...change(id) });
}

test('an ask that is past its end is read anew before a deal is proposed by it', async (t) => {
  const cold = await TestCold.create();
  tells(cold, () => ({ expiryEpoch: cold.chain.headEpoch + 12 }));
  await cold.pass('create');
  for (const id of PROVIDERS) await cold.view.refresh(id, never);
  const { asks } = cold.maker;
  const pieceId = await cold.build(1);
  cold.advance(12);
  await cold.pass('create');
  t.is(cold.maker.asks, asks + PROVIDERS.length);
  t.is((await cold.deals(pieceId)).length, 3);
  for (const { value } of await cold.store.providers()) t.is(value.ask?.expiryEpoch, cold.chain.headEpoch + 12);
});

test('who tells an ask that cannot be gets no deal, loses the one it told before, and it is said why', async (t) => {
  const cold = await TestCold.create();
  await cold.pass('create');
  await cold.view.refresh('f01', never);
  tells(cold, (id) => (id === 'f01' ? { minPieceSizeBytes: 2 ** 40 } : {}));
  const provider = await cold.view.refresh('f01', never);
  t.is(provider.ask, undefined);
  t.regex(provider.unreachable ?? '', /^tells an ask that cannot be: its least piece/);
  t.is(provider.events.at(-1)?.kind, 'unreachable');
  const pieceId = await cold.build(1);
  await cold.pass('create');
  t.false((await cold.deals(pieceId)).some((deal) => deal.provider === 'f01'));
});

test('a provider that was set aside is given one deal as a trial, whatever else there is to be done, and its success frees it', async (t) => {
  const cold = await TestCold.create({ policy: { replicas: { min: 5, target: 5 }, minFillBytes: 1 } });
  await cold.pass('create');
  const { headEpoch } = cold.chain;
  const setAside = {
    duty: 'take',
    text: 'refused deals 8 times in a row',
    sinceEpoch: 0,
    untilEpoch: headEpoch,
    lengthEpochs: 5_000,
  } as const;
  await cold.parts.desk.changeProvider('f01', (provider) => ({ ...provider, setAside }));
  for (const number of [1, 2, 3]) await cold.pin(number);
  await cold.pass('pieces', 'create');
  const dealsOf = async (id: string) => (await cold.store.liveDealsWith(id)).map(({ value }) => value);
  t.is((await dealsOf('f02')).length, 3);
  const trials = await dealsOf('f01');
  t.is(trials.length, 1);
  t.is((await cold.store.provider('f01'))?.value.setAside?.triedEpoch, headEpoch);
  cold.maker.reports.set(trials[0]?.proposalCid ?? '', { kind: 'going', state: 'accepted', said: 'taken' });
  cold.advance(cold.rules.pollEpochs);
  await cold.pass('verify');
  t.is((await cold.store.provider('f01'))?.value.setAside, undefined);
  cold.advance(cold.rules.retryEpochs);
  await cold.pass('create');
  t.is((await dealsOf('f01')).length, 3);
});
