import test from 'ava';

import { PiecesReconciler } from '../../daemon/reconcilers/pieces.ts';
import { TestCold } from '../fixtures/create-cold-reconcilers.ts';

test('when very many contents come at once, pieces are made of them before all of them wait', async (t) => {
  const cold = await TestCold.create();
  for (let number = 0; number < 50; number += 1) await cold.pin(number);
  const { store } = cold;
  const { waiting } = store;
  let most = 0;
  store.waiting = async (policy) => {
    const found = await waiting.call(store, policy);
    most = Math.max(most, found.length);
    return found;
  };
  await new PiecesReconciler({ ...cold.parts, contentsAtOnce: 10 }).pass(new AbortController().signal);
  t.true(most > 0 && most <= 20, `${most}`);
  t.is(store.totals().pieces.built, 12);
  t.is((await waiting.call(store, 'default')).length, 2);
});
