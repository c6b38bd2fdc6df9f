import test from 'ava';

import { PROVIDERS, TestCold } from '../fixtures/create-cold-reconcilers.ts';

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

test('what waits for the budget goes on as soon as the config has more of it, and not by a mere restart', async (t) => {
  for (const cap of ['perDayAtto', 'perDealAtto'] as const) {
    const cold = await TestCold.create({ rules: { [cap]: 0n } });
    const pieceId = await cold.build(1);
    await cold.pass('create');
    const { next, due } = await cold.piece(pieceId);
    t.regex(next.code, /^over_/);
    cold.begin();
    cold.advance(1);
    await cold.pass('create');
    t.deepEqual((await cold.piece(pieceId)).due, due);
    Object.assign(cold.rules, { [cap]: 10n ** 18n });
    cold.begin();
    await cold.pass('create');
    t.is((await cold.deals(pieceId)).length, 3, cap);
  }
});

test('what waits for a provider goes on as soon as the policy lets one be asked, whether some of its copies are there or none', async (t) => {
  const cold = await TestCold.create();
  const stored = await cold.stored(1);
  Object.assign(cold.policy, { replicas: { min: 2, target: 4 }, excluded: PROVIDERS });
  cold.begin();
  await cold.pass('create');
  const without = await cold.build(2);
  await cold.pass('create');
  for (const id of [stored, without]) t.is((await cold.piece(id)).next.code, 'no_provider');
  Object.assign(cold.policy, { excluded: [] });
  cold.begin();
  cold.advance(1);
  await cold.pass('create');
  t.deepEqual([(await cold.deals(stored)).length, (await cold.deals(without)).length], [4, 4]);
});
