import test from 'ava';

import { ColdError } from '../../daemon/domain/cold-ports.ts';
import type { Candidate } from '../../daemon/domain/provider.ts';
import { createProvider } from '../fixtures/create-cold.ts';
import { PROVIDERS, TestCold } from '../fixtures/create-cold-reconcilers.ts';

function createCandidate(id: string): Candidate {
  const { chain, ask } = createProvider(id);
  if (chain === undefined || ask === undefined) throw new Error('it has both');
  return { id, chain, ask, readEpoch: 9_990, over: 'https', tookMs: 20 };
}

const everybody = { policy: { replicas: { min: 2, target: 7 } } };

test('who was found by a scan is asked for no deal before the operator trusts it, and for none after that was taken back', async (t) => {
  const cold = await TestCold.create(everybody);
  await cold.store.write({ candidates: [{ before: undefined, after: createCandidate('f07') }] });
  const pieceId = await cold.build(1);
  const holders = async (): Promise<string[]> => (await cold.deals(pieceId)).map(({ provider }) => provider).sort();
  await cold.pass('create');
  t.deepEqual(await holders(), PROVIDERS);
  t.is((await cold.view.trust('f07')).refreshedEpoch, 9_990);
  t.true(cold.woken > 0);
  cold.advance(cold.rules.retryEpochs);
  await cold.pass('create');
  t.deepEqual(await holders(), [...PROVIDERS, 'f07']);
  await cold.view.untrust('f07');
  const other = await cold.build(2);
  cold.advance(cold.rules.retryEpochs);
  await cold.pass('create');
  t.false((await cold.deals(other)).some(({ provider }) => provider === 'f07'));
});

test('trust outlives the process, and the config’s own word is not taken back here', async (t) => {
  const cold = await TestCold.create(everybody);
  await cold.view.trust('f08');
  cold.begin();
  await cold.pass('create');
  t.deepEqual(
    (await cold.parts.book.known()).map(({ id }) => id),
    [...PROVIDERS, 'f08'],
  );
  const error = await t.throwsAsync(cold.view.untrust('f01'));
  t.regex(error?.message ?? '', /f01 is named in providers\.trusted: take it out there/);
});

test('nobody is trusted that the chain does not have; while Lotus is down the word is kept', async (t) => {
  const cold = await TestCold.create();
  const { provider } = cold.chain;
  cold.chain.provider = async () => {
    throw new ColdError('refused', 'failed to load miner actor: actor not found');
  };
  const error = await t.throwsAsync(cold.view.trust('f09'));
  t.regex(error?.message ?? '', /^the chain has no provider f09/);
  t.is(await cold.store.provider('f09'), undefined);
  cold.chain.provider = provider;
  cold.chain.failure = 'unreachable';
  t.truthy((await cold.view.trust('f09')).trusted);
});
