import test from 'ava';

import { TestCold } from '../fixtures/create-cold-reconcilers.ts';

test('very many copies lost with the same providers are all written in one pass', async (t) => {
  const cold = await TestCold.create();
  const pieceIds: string[] = [];
  for (let number = 1; number <= 40; number += 1) pieceIds.push(await cold.stored(number));
  cold.chain.deals.clear();
  cold.advance(cold.rules.recheckEpochs);
  await cold.pass('verify');
  cold.advance(cold.rules.confirmLostEpochs);
  await cold.pass('verify');
  const deals = (await Promise.all(pieceIds.map((id) => cold.deals(id)))).flat();
  t.is(deals.length, 120);
  t.deepEqual([...new Set(deals.map(({ state }) => state))], ['lost']);
});
