import test, { type ExecutionContext } from 'ava';

import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';
import type { Action } from './actions.ts';
import { SimDaemon, SMALL_CONFIG } from './daemon.ts';
import { step } from './run.ts';
import { isTrulyActive } from './truth.ts';
import { SMALL_WORLD, World } from './world.ts';

const KEY = createContentKey(0);

/** One content, proven cold, whose hot copy and blocks are gone. */
async function createCold(t: ExecutionContext): Promise<{ daemon: SimDaemon; live: (actions: Action[]) => Promise<void> }> {
  const daemon = await SimDaemon.start(new World({ ...SMALL_WORLD, seed: 7 }), { ...SMALL_CONFIG, hotContents: 0.1 });
  let index = 0;
  const live = async (actions: Action[]): Promise<void> => {
    for (const action of actions) await step(daemon, action, index++);
  };
  await daemon.add('alice', createPinRequest(0));
  for (let round = 0; round < 60 && (await daemon.pins.content(KEY))?.hot !== 'cold'; round++) await live([{ do: 'advance', epochs: 15 }]);
  await live(Array.from({ length: 6 }, () => ({ do: 'advance', epochs: 1 })));
  t.is((await daemon.pins.content(KEY))?.hot, 'cold');
  t.false(daemon.world.hot.has(KEY) || daemon.world.blocks.has(KEY));
  return { daemon, live };
}

test('what is proven goes, stays pinned, and is hot again when it was read', async (t) => {
  const { daemon } = await createCold(t);
  const [pin] = daemon.accepted.values();
  t.is((await daemon.pins.get('alice', pin?.requestId ?? ''))?.status, 'pinned');
  await daemon.read(KEY);
  t.is((await daemon.pins.content(KEY))?.hot, 'pinned');
  t.true(daemon.world.hot.has(KEY));
});

test('providers that spoil what they keep give nothing that is stored, and it stays cold', async (t) => {
  const { daemon } = await createCold(t);
  for (const id of daemon.world.market.providers.keys()) daemon.world.market.provider(id).retrieval = 'corrupts';
  await daemon.read(KEY);
  t.deepEqual(daemon.violations, []);
  t.false(daemon.world.blocks.has(KEY));
  t.is((await daemon.pins.content(KEY))?.hot, 'cold');
  daemon.world.heal();
  await daemon.read(KEY);
  t.true(daemon.world.hot.has(KEY));
});

test('when too few cold copies are left it is made hot again unasked', async (t) => {
  const { daemon, live } = await createCold(t);
  const active = [...daemon.world.market.reached.values()].filter((deal) => isTrulyActive(daemon.world, deal));
  for (const { cid } of active.slice(1))
    daemon.world.chain.schedule(daemon.world.chain.headEpoch + 1, { kind: 'terminate', cid, deletes: true });
  for (let round = 0; round < 40 && !daemon.world.hot.has(KEY); round++) await live([{ do: 'advance', epochs: 5 }]);
  t.true(daemon.world.hot.has(KEY));
});

test('when every copy is lost at once its pins say so, and no earlier', async (t) => {
  const { daemon, live } = await createCold(t);
  for (const id of daemon.world.market.providers.keys()) daemon.world.market.provider(id).retrieval = 'fails';
  const active = [...daemon.world.market.reached.values()].filter((deal) => isTrulyActive(daemon.world, deal));
  for (const { cid } of active) daemon.world.chain.schedule(daemon.world.chain.headEpoch + 1, { kind: 'terminate', cid, deletes: true });
  for (let round = 0; round < 80 && (await daemon.pins.content(KEY))?.hot === 'cold'; round++) await live([{ do: 'advance', epochs: 5 }]);
  const content = await daemon.pins.content(KEY);
  t.is(content?.hot, 'failed');
  t.is(content?.reason?.code, 'lost');
  t.deepEqual(daemon.violations, []);
});
