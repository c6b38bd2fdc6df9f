import test from 'ava';

import type { DealMaker } from '../../daemon/domain/cold-ports.ts';
import { TestCold } from '../fixtures/create-cold-reconcilers.ts';

const only = { policy: { replicas: { min: 1, target: 1 } } };
const OTHER = 'bafyother';

test('a deal begun as another proposal than predicted stops spending, and is neither given up nor replaced', async (t) => {
  const cold = await TestCold.create(only);
  const pieceId = await cold.build(1);
  cold.maker.reply = () => ({ kind: 'sent', said: 'Lotus has begun it', as: OTHER });
  await cold.pass('create');
  t.is(cold.store.breaker()?.value.code, 'ledger');
  t.like((await cold.deals(pieceId))[0], { state: 'proposed', outcome: 'unknown', begunAs: OTHER });
  await cold.view.unfreeze();
  for (let turn = 0; turn < 20; turn += 1) {
    cold.advance(100);
    await cold.pass('verify', 'create', 'renew');
  }
  const deals = await cold.deals(pieceId);
  t.is(deals.length, 1);
  t.like(deals[0], { state: 'proposed', outcome: 'unknown' });
});

test('what becomes of a deal that was begun as another proposal is asked under that name', async (t) => {
  const cold = await TestCold.create(only);
  const pieceId = await cold.build(1);
  cold.maker.reply = () => ({ kind: 'sent', said: 'Lotus has begun it', as: OTHER });
  await cold.pass('create');
  const asked: unknown[] = [];
  const report: DealMaker['report'] = async ({ begunAs }) => {
    asked.push(begunAs);
    return { kind: 'refused', why: 'price', said: 'no' };
  };
  Object.assign(cold.maker, { report });
  cold.advance(10);
  await cold.pass('verify');
  t.deepEqual(asked, [OTHER]);
  t.is((await cold.deals(pieceId))[0]?.state, 'rejected');
});
