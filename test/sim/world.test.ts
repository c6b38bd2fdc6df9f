import test from 'ava';

import type { DealOrder } from '../../daemon/domain/cold-ports.ts';
import { balanceOf, costOf } from './chain.ts';
import { createSimChainPort } from './chain-port.ts';
import { createSimMaker } from './maker.ts';
import type { Reached } from './market.ts';
import { isTrulyActive, isTrulyLive } from './truth.ts';
import { SMALL_WORLD, World } from './world.ts';

const { signal } = new AbortController();

function createWorld(seed = 1) {
  const world = new World({ ...SMALL_WORLD, seed });
  const maker = createSimMaker({ ...world, later: (epochs, run) => world.later(epochs, run) });
  const chain = createSimChainPort({ chain: world.chain, market: world.market, faults: world.faults, clock: undefined });
  return { world, maker, chain };
}

async function propose({ world, maker }: ReturnType<typeof createWorld>, fields: Partial<DealOrder> = {}): Promise<Reached> {
  const piece = { id: 'piece-1', pieceCid: 'baga-1', rootCid: 'bafy-1', carSizeBytes: 5, pieceSizeBytes: 2 ** 30 };
  world.disk.staged.set(piece.id, new Uint8Array(5));
  await maker.stage(piece, 'a file', signal);
  const order = { dealId: 'deal-1', piece, provider: 'f01000', verified: false, pricePerEpochAtto: 1_000n };
  const prepared = await maker.prepare({ ...order, startEpoch: world.chain.headEpoch + 100, durationEpochs: 1_000, ...fields }, signal);
  await maker.send(prepared, signal);
  const reached = world.market.reached.get(prepared.proposalCid);
  if (reached === undefined) throw new Error('nothing arrived');
  return reached;
}

test('a deal passes from proposed to active, and its money from wallet to escrow to provider', async (t) => {
  const rig = createWorld();
  const { world } = rig;
  const deal = await propose(rig);
  const cost = costOf(deal);
  world.advance(12);
  t.is(deal.state, 'published');
  t.deepEqual(balanceOf(world.chain.money.latest()), { escrowAtto: cost, lockedAtto: cost });
  t.is(world.market.walletAtto, SMALL_WORLD.walletAtto - cost);
  t.false(isTrulyActive(world, deal));
  world.advance(20);
  t.true(isTrulyActive(world, deal));
  world.advance(1_500);
  t.false(isTrulyLive(world, deal));
  t.deepEqual(balanceOf(world.chain.money.latest()), { escrowAtto: 0n, lockedAtto: 0n });
});

test('what is terminated is paid for as long as it was kept, and deleted', async (t) => {
  const rig = createWorld();
  const { world, chain } = rig;
  const deal = await propose(rig);
  world.advance(200);
  world.chain.schedule(world.chain.headEpoch + 1, { kind: 'terminate', cid: deal.cid, deletes: true });
  world.advance(5);
  t.is(await chain.marketDeal(deal.chainDealId ?? 0, undefined, signal), undefined);
  const { paidAtto, lockedAtto } = world.chain.money.latest();
  t.true(paidAtto > 0n && paidAtto < costOf(deal));
  t.is(lockedAtto, 0n);
});

test('a deal that misses its start lingers with its money locked, and is paid nothing', async (t) => {
  const rig = createWorld();
  const { world } = rig;
  world.market.provider('f01000').conduct = 'neverSeals';
  const deal = await propose(rig);
  world.advance(110);
  t.false(isTrulyLive(world, deal));
  t.is(world.chain.money.latest().lockedAtto, costOf(deal));
  world.advance(SMALL_WORLD.lingerEpochs);
  t.deepEqual(world.chain.money.latest(), { addedAtto: costOf(deal), paidAtto: 0n, lockedAtto: 0n });
});

test('the same request again is the same proposal', async (t) => {
  const rig = createWorld();
  const first = await propose(rig);
  rig.world.faults.sends.push('lost_after');
  await t.throwsAsync(propose(rig), { message: /reset/ });
  t.is(await propose(rig), first);
  t.is(rig.world.market.reached.size, 1);
});

test('a reply can be lost before, after, and long before what was asked for is done', async (t) => {
  const rig = createWorld();
  const { world } = rig;
  world.faults.sends.push('lost_before', 'late');
  await t.throwsAsync(propose(rig), { message: /refused/ });
  world.advance(5);
  t.is(world.market.reached.size, 0);
  await t.throwsAsync(propose(rig), { message: /hang up/ });
  t.is(world.market.reached.size, 0);
  world.advance(2);
  t.is(world.market.reached.size, 1);
});

test('a reorg takes a publication back, for a while or for good, and its id is given away', async (t) => {
  const fates = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const rig = createWorld(seed);
    const { world, chain } = rig;
    const deal = await propose(rig);
    while (!world.chain.published.has(deal.cid)) world.advance(1);
    const before = await chain.view(signal);
    const money = world.finalMoney();
    const id = deal.chainDealId ?? 0;
    world.chain.reorg(3);
    t.is(await chain.marketDeal(id, undefined, signal), undefined);
    t.is(world.chain.money.latest().lockedAtto, 0n);
    t.deepEqual(world.finalMoney(), money, 'what is final stays');
    t.deepEqual((await chain.view(signal)).finalizedKey, before.finalizedKey);
    t.is(isTrulyLive(world, deal), deal.isTakenBack === false);
    world.advance(15);
    t.is(world.chain.published.has(deal.cid), deal.isTakenBack === false);
    fates.add(deal.isTakenBack ? 'gone' : deal.chainDealId === id ? 'same id' : 'another id');
  }
  t.true(fates.has('gone') && fates.has('same id'), [...fates].join());
});

test('a tip set that lost is no tip set any more; null rounds share the one below', async (t) => {
  const { world, chain } = createWorld();
  world.advance(30);
  const key = world.chain.keyAt(world.chain.headEpoch);
  t.deepEqual(await chain.marketBalance('', key, signal), { escrowAtto: 0n, lockedAtto: 0n });
  world.chain.reorg(3);
  await t.throwsAsync(chain.marketBalance('', key, signal), { message: /not found/ });
  const keys = Array.from({ length: 20 }, (_, back) => world.chain.keyAt(world.chain.headEpoch - back)[0]);
  t.true(new Set(keys).size < keys.length);
});
