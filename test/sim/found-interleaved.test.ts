import test from 'ava';

import type { Piece } from '../../daemon/domain/piece.ts';
import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';
import { SimDaemon, SMALL_CONFIG } from './daemon.ts';
import { SMALL_WORLD, World } from './world.ts';

/** Each was an interleaving of two reconcilers, or of one and the operator, that went wrong once. */

const ORDER = ['pieces', 'create', 'verify', 'renew'];

async function createDaemon(): Promise<SimDaemon> {
  const daemon = await SimDaemon.start(new World({ ...SMALL_WORLD, seed: 1 }), { ...SMALL_CONFIG, contentBytes: 1_100 * 2 ** 20 });
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
