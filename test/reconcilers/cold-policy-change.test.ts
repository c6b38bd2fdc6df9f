import test from 'ava';

import { TestCold } from '../fixtures/create-cold-reconcilers.ts';

test('more copies, or earlier renewals, are wanted of what is stored already as soon as the policy says so', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.stored(1);
  await cold.pass('create');
  t.is((await cold.deals(pieceId)).length, 3);
  Object.assign(cold.policy, { replicas: { min: 2, target: 4 } });
  cold.begin();
  cold.advance(1);
  await cold.pass('create');
  t.is((await cold.deals(pieceId)).length, 4);
  t.is((await cold.piece(pieceId)).summary.target, 4);

  const [first] = await cold.deals(pieceId);
  await cold.activate(await cold.deals(pieceId));
  Object.assign(cold.policy, { durationEpochs: 40_000, renewBeforeEpochs: 15_000 });
  cold.begin();
  await cold.pass('create');
  t.true((await cold.deals(pieceId)).some(({ replaces }) => replaces === first?.id));
});

test('with the same policy nothing is looked at again', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.stored(1);
  await cold.pass('create');
  await cold.pass('create');
  const before = await cold.store.piece(pieceId);
  cold.begin();
  cold.advance(1);
  await cold.pass('create');
  t.deepEqual(await cold.store.piece(pieceId), before);
});
