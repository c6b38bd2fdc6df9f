import test from 'ava';

import { TestCold } from '../fixtures/create-cold-reconcilers.ts';

const only = { policy: { replicas: { min: 1, target: 1 } } };

async function look(cold: TestCold, times = 2): Promise<void> {
  for (let turn = 0; turn < times; turn += 1) {
    cold.advance(10);
    await cold.pass('create');
  }
}

test('what the operator has accepted as locked raises no alarm in the next process either, and what comes on top does', async (t) => {
  const cold = await TestCold.create();
  await look(cold, 1);
  cold.chain.lockedAtto = 100n;
  await look(cold);
  t.is(cold.store.breaker()?.value.code, 'store_older');
  await cold.view.unfreeze();
  cold.begin();
  await look(cold, 4);
  t.is(cold.store.breaker(), undefined);
  cold.chain.lockedAtto = 101n;
  await look(cold, 4);
  t.is(cold.store.breaker()?.value.code, 'store_older');
});

test('losses before and after a restart are losses at once', async (t) => {
  const cold = await TestCold.create();
  await look(cold);
  await cold.parts.guard.noteLosses(['f01', 'f02'], cold.chain.headEpoch);
  t.is(cold.store.breaker(), undefined);
  cold.begin();
  await cold.parts.guard.noteLosses(['f03'], cold.chain.headEpoch);
  t.is(cold.store.breaker()?.value.code, 'losses');
  await cold.view.unfreeze();
  cold.begin();
  await cold.parts.guard.noteLosses(['f04'], cold.chain.headEpoch);
  t.is(cold.store.breaker(), undefined);
});

test('a restart gives samples no second budget on one day', async (t) => {
  const cold = await TestCold.create({ rules: { sampleBytesPerDay: 100, recheckEpochs: 1 } });
  const pieceId = await cold.stored(1);
  const { built } = await cold.piece(pieceId);
  cold.rules.sampleBytesPerDay = built?.carSizeBytes ?? 0;
  const midnight = Math.ceil(cold.chain.headEpoch / 2_880) * 2_880;
  cold.advance(midnight - cold.chain.headEpoch);
  cold.begin();
  t.is((await cold.pass('sample')).due, 1);
  cold.advance(5);
  cold.begin();
  t.deepEqual((await cold.pass('sample')).skipped, { over_bytes: 1 });
});

test('a deal that nobody knows any more, while its money is locked, is not bought a second time', async (t) => {
  const cold = await TestCold.create(only);
  const pieceId = await cold.build(1);
  await cold.pass('create');
  const [deal] = await cold.deals(pieceId);
  // It was published under an id that node and provider never tell.
  cold.chain.lockedAtto = deal?.costAtto ?? 0n;
  cold.chain.escrowAtto = deal?.costAtto ?? 0n;
  for (let turn = 0; turn < 6; turn += 1) {
    cold.advance(60);
    await cold.pass('verify', 'create', 'renew');
  }
  t.is((await cold.deals(pieceId)).length, 1);
  t.is(cold.store.breaker()?.value.code, 'store_older');
});
