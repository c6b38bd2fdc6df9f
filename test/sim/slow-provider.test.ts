import { setTimeout } from 'node:timers/promises';
import test from 'ava';

import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';
import { SimDaemon, SMALL_CONFIG } from './daemon.ts';
import { SMALL_WORLD, World } from './world.ts';

/** Longer than anybody has patience. */
const WAIT_MS = 20_000;

/** Contents that each make a piece of their own, and have waited long enough. */
async function createDaemon(contents: number): Promise<SimDaemon> {
  const config = { ...SMALL_CONFIG, contentBytes: 1_100 * 2 ** 20 };
  const daemon = await SimDaemon.start(new World({ ...SMALL_WORLD, seed: 1 }), config);
  for (let number = 0; number < contents; number++) {
    await daemon.add('alice', createPinRequest(0, { contentKey: createContentKey(number) }));
  }
  return daemon;
}

/** Lets others run until it is so, or nothing comes of it. */
async function until(isSo: () => boolean): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < WAIT_MS && !isSo(); waitedMs += 5) await setTimeout(5);
  return isSo();
}

test('a provider that lets us wait for its reply delays no deal with another', async (t) => {
  const daemon = await createDaemon(12);
  const { world } = daemon;
  daemon.world.advance(1);
  const { promise, resolve } = Promise.withResolvers<void>();
  // It is quick to tell its ask, and then takes proposals and never says a word.
  await daemon.work(['create']);
  await daemon.view.refresh('f01000', new AbortController().signal);
  world.faults.stuck = new Map([['f01000', promise]]);
  const working = daemon.work(['pieces', 'create']);
  const others = () =>
    new Set([...world.market.reached.values()].filter(({ provider }) => provider !== 'f01000').map(({ pieceId }) => pieceId));
  t.true(await until(() => others().size === 12), `pieces that another provider was asked about: ${others().size} of 12`);
  resolve();
  await working;
});

test('a provider that does not tell its ask delays no deal with another', async (t) => {
  const daemon = await createDaemon(3);
  const { world } = daemon;
  world.advance(1);
  const { promise, resolve } = Promise.withResolvers<void>();
  world.faults.stuck = new Map([['f01000', promise]]);
  const working = daemon.work(['pieces', 'create']);
  t.true(await until(() => world.market.reached.size >= 9), `${world.market.reached.size} proposals`);
  resolve();
  await working;
});
