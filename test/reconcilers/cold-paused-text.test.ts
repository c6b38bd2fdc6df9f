import test from 'ava';

import { TestCold } from '../fixtures/create-cold-reconcilers.ts';

test('what an operator notes when freezing while a deal is prepared is not told to those who pin', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1);
  cold.maker.onPrepare = () => cold.view.freeze('the auditor Mr Smith is here');
  await cold.pass('create');
  t.deepEqual(await cold.deals(pieceId), []);
  t.like((await cold.piece(pieceId)).next, { code: 'frozen' });
  t.notRegex((await cold.piece(pieceId)).next.text, /Smith/);
});
