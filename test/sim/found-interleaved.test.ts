import test from 'ava';

import type { Piece } from '../../daemon/domain/piece.ts';
import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';
import { SimDaemon, SMALL_CONFIG } from './daemon.ts';
import { Crash } from './life.ts';
import { SMALL_WORLD, World, type WorldOptions } from './world.ts';

/** Each was an interleaving of two reconcilers, or of one and the operator, that went wrong once. */

const ORDER = ['pieces', 'create', 'verify', 'renew'];

async function createDaemon(options: Partial<WorldOptions> = {}): Promise<SimDaemon> {
  const daemon = await SimDaemon.start(new World({ ...SMALL_WORLD, seed: 1, ...options }), {
    ...SMALL_CONFIG,
    contentBytes: 1_100 * 2 ** 20,
  });
  await daemon.add('alice', createPinRequest(0, { contentKey: createContentKey(0) }));
  return daemon;
}

async function pieceOf(daemon: SimDaemon): Promise<Piece | undefined> {
  return (await daemon.cold.piecesOf(createContentKey(0)))[0]?.value;
}

test('a copy that is lost while its piece is found complete is made again, and not only when the next one ends', async (t) => {
  const daemon = await createDaemon();
  for (let turn = 0; turn < 40; turn += 1) {
    daemon.world.advance(10);
    await daemon.work(ORDER);
  }
  const before = await pieceOf(daemon);
  t.is(before?.summary.active, 3);
  const { cold, world } = daemon;
  const epoch = world.chain.headEpoch;
  const due = { queue: 'renew' as const, epoch };
  const piece = await cold.piece(before?.id ?? '');
  await cold.write({ pieces: [{ before: piece, after: { ...(piece?.value as Piece), due } }] });
  const { day } = cold;
  // The last thing that is read for a plan.
  cold.day = async (number) => {
    cold.day = day;
    const now = await cold.piece(before?.id ?? '');
    const [deal] = await cold.dealsOf(before?.id ?? '');
    if (deal === undefined) throw new Error('there is no deal');
    const { dueEpoch: _, ...rest } = deal.value;
    await cold.write({
      deals: [{ before: deal, after: { ...rest, state: 'lost' } }],
      pieces: [{ before: now, after: { ...(now?.value as Piece), due } }],
    });
    return day.call(cold, number);
  };
  await daemon.work(['renew']);
  t.is((await cold.dealsOf(before?.id ?? '')).length, 4);
});

test('frozen while the CAR is made known to the node, nothing is sent', async (t) => {
  const daemon = await createDaemon();
  const { world } = daemon;
  let sent = 0;
  world.market.onSend = () => {
    sent += 1;
  };
  const { imports } = world.market;
  const set = imports.set.bind(imports);
  const frozen: Promise<unknown>[] = [];
  imports.set = (key, bytes) => {
    frozen.push(daemon.view.freeze('stop'));
    return set(key, bytes);
  };
  world.advance(30);
  await daemon.work(ORDER);
  await Promise.all(frozen);
  t.true(frozen.length > 0);
  t.is(sent, 0);
});

test('copies bought from another wallet are copies still: none is lost, and none is bought again', async (t) => {
  const daemon = await createDaemon();
  const { world } = daemon;
  const live = async (turns: number): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) {
      world.advance(10);
      await daemon.letSpend();
      await daemon.work(ORDER);
    }
  };
  await live(40);
  world.faults.wallet = 't1anotherwallet';
  await daemon.restart();
  await live(40);
  t.like(daemon.cold.totals().deals, { active: 3 });
  t.is(world.market.reached.size, 3);
});

/**
 * The first deal of a piece is about to be intended when its content is unpinned, and on its way when the hot copy goes.
 * Resolves when both are over.
 */
async function removeAmidIntent(daemon: SimDaemon): Promise<void> {
  const { world, cold, pins } = daemon;
  world.advance(30);
  await daemon.work(['pieces']);
  const isGoing = Promise.withResolvers<void>();
  const isSent = Promise.withResolvers<void>();
  let releasing: Promise<void> | undefined;
  let looks = 0;
  const { day } = cold;
  cold.day = async (number) => {
    // The plan has read it before, then comes what is booked.
    looks += 1;
    if (looks === 2) {
      await daemon.remove(0);
      releasing = daemon.work(['release']);
      await isGoing.promise;
    }
    return day.call(cold, number);
  };
  const { content } = pins;
  pins.content = async (key) => {
    pins.content = content;
    const found = await content.call(pins, key);
    isGoing.resolve();
    await isSent.promise;
    return found;
  };
  await daemon.work(['create']);
  cold.day = day;
  isSent.resolve();
  await releasing;
}

test('nobody is asked to fetch what is being let go at that moment', async (t) => {
  const daemon = await createDaemon({ maker: 'fetches' });
  await removeAmidIntent(daemon);
  const { world } = daemon;
  await daemon.work(['gc']);
  world.advance(90);
  t.deepEqual(world.market.brokenTransfers, []);
});

test('nor is anybody when the process died after the hot pin went, and before that was written down', async (t) => {
  const daemon = await createDaemon({ maker: 'fetches' });
  const { world } = daemon;
  world.advance(30);
  await daemon.work(['pieces']);
  const { onSend } = world.market;
  // The deals are on disk, and nothing of them has arrived anywhere.
  world.market.onSend = () => {
    daemon.life.isDead = true;
    throw new Crash('send');
  };
  await daemon.work(['create']);
  world.market.onSend = onSend;
  await daemon.remove(0);
  world.hot.delete(createContentKey(0));
  await daemon.work(['gc', 'verify', 'create']);
  world.advance(90);
  t.like(daemon.cold.totals().deals, { intended: 3 });
  t.deepEqual(world.market.brokenTransfers, []);
});

test('a hot copy that was let go while the next deal was being made is brought back, also when the process dies of it', async (t) => {
  const daemon = await createDaemon({ maker: 'fetches' });
  const { world } = daemon;
  const key = createContentKey(0);
  for (let turn = 0; turn < 40; turn += 1) {
    world.advance(10);
    await daemon.work([...ORDER, 'sample']);
  }
  const [first] = world.chain.published.keys();
  world.chain.schedule(world.chain.headEpoch + 1, { kind: 'terminate', cid: first ?? '', deletes: true });
  for (let turn = 0; turn < 40 && daemon.cold.totals().deals.lost === undefined; turn += 1) {
    world.advance(10);
    await daemon.work(['verify']);
  }
  t.is(daemon.cold.totals().deals.lost, 1);
  // There is no room for it from now on.
  daemon.config.hotContents = 0.1;
  await daemon.restart();
  const { pins } = daemon;
  const { evict } = pins;
  pins.evict = async (contentKey, text) => {
    pins.evict = evict;
    await daemon.work(['renew']);
    const isGone = await evict.call(pins, contentKey, text);
    daemon.life.isDead = true;
    return isGone;
  };
  await daemon.work(['verify', 'evict']);
  t.is((await daemon.pins.content(key))?.hot, 'cold');
  t.is(world.market.reached.size, 4);
  for (let turn = 0; turn < 20; turn += 1) {
    await daemon.work(['gc', 'evict']);
    world.advance(5);
  }
  t.deepEqual(world.market.brokenTransfers, []);
  t.like(daemon.cold.totals().deals, { active: 2 });
});
