import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

import { ask, devnetFor, resultOf, writeTestCar } from '../fixtures/create-devnet.ts';
import { bytesOf } from './cids.ts';
import { createDevnet, type Devnet, type DevnetOptions } from './devnet.ts';
import { proposalBytes, rlePlus } from './market-cbor.ts';

const PRICE = 61_036n;

async function dealing(t: ExecutionContext, options: DevnetOptions = {}) {
  const devnet = await devnetFor(t, options);
  const car = await writeTestCar(devnet.dir, 'one', [bytesOf('leaf', 90_000)]);
  await resultOf(devnet, 'ClientImport', [{ Path: car.path, IsCAR: true }]);
  return { devnet, root: car.root };
}

async function start(devnet: Devnet, root: string, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const { '/': cid } = await resultOf<{ '/': string }>(devnet, 'ClientStartDeal', [startParams(devnet, root, more)]);
  return cid;
}

function startParams(devnet: Devnet, root: string, more: Readonly<Record<string, unknown>> = {}) {
  return {
    Data: { TransferType: 'graphsync', Root: { '/': root }, PieceCid: null, PieceSize: 0 },
    Wallet: devnet.wallet,
    Miner: 'f01000',
    EpochPrice: PRICE.toString(),
    MinBlocksDuration: 518_400,
    ProviderCollateral: '0',
    DealStartEpoch: 500,
    FastRetrieval: true,
    VerifiedDeal: false,
    ...more,
  };
}

async function activate(devnet: Devnet, proposalCid: string): Promise<number> {
  await devnet.advanceUntil(() => devnet.deals().some((deal) => deal.proposalCid === proposalCid && deal.state === 'active'), 60);
  return devnet.truth().deals.find((deal) => deal.proposalCid === proposalCid)?.dealId ?? 0;
}

test('a proposal is the bytes that the market expects', (t) => {
  const bytes = proposalBytes({
    pieceCid: 'baga6ea4seaqdtkumidcuhrma7tfhltmfwu65sbqpp57rzjqvcofzmkqgzfrxidi',
    pieceSizeBytes: 536_870_912,
    verified: false,
    client: 'f1ch3k3dwffiuyjk5k7v6dwulfan4fyidsc4lgg4i',
    provider: 'f01234',
    label: 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi',
    startEpoch: 5_500_000,
    endEpoch: 6_018_400,
    pricePerEpoch: '25000000',
    providerCollateral: '123456789012345678',
    clientCollateral: '0',
  });
  const hex = Buffer.from(bytes).toString('hex');
  t.true(
    hex.startsWith('8bd82a5828000181e20392202039aa8c40c543c580fcca75cd85b53dd9060f7f7f1ca615138b962a06c963740d1a20000000f4550111f6ad8e'),
  );
  t.true(hex.endsWith('1a0053ec601a005bd5604500017d7840490001b69b4ba630f34e40'));
  // 00 version, 0 first bit, 1 run of one, 01 0100 run of two; least significant first, zeros at the end left out.
  t.deepEqual([...rlePlus([false, true, true])], [0b1010_1000]);
});

test('a reply that is dropped after it was done leaves one deal, and the same request is known', async (t) => {
  const { devnet, root } = await dealing(t);
  devnet.faults.rpc('ClientStartDeal', 'drop-reply', { times: 1 });
  await t.throwsAsync(start(devnet, root));
  const again = await ask(devnet, 'ClientStartDeal', [startParams(devnet, root)]);
  const [deal] = devnet.world.clientDeals.list();
  t.true(again.body.error?.message.includes(`already tracking identifier \`${deal?.proposalCid}\``));
  t.is(devnet.world.clientDeals.list().length, 1);
});

for (const [refuse, pattern] of [
  ['price', /less than asking price/],
  ['size', /more than maximum allowed size/],
  ['not-allowed', /is not allowed to make deals/],
] as const) {
  test(`a provider that refuses for ${refuse} says so only later, and the funds are free again`, async (t) => {
    const { devnet, root } = await dealing(t);
    devnet.faults.provider('f01000', { refuse });
    const cid = await start(devnet, root);
    await devnet.advance(10);
    const info = await resultOf<{ State: number; Message: string }>(devnet, 'ClientGetDealInfo', [{ '/': cid }]);
    t.is(info.State, 26);
    t.regex(info.Message, pattern);
    t.is(devnet.world.funds.reserved(devnet.wallet), 0n);
  });
}

test('a deal that was refused is published all the same', async (t) => {
  const { devnet, root } = await dealing(t);
  devnet.faults.provider('f01000', { refuse: 'busy', publishAfterRefusal: true });
  const cid = await start(devnet, root);
  t.true((await activate(devnet, cid)) > 0);
  t.is(devnet.world.clientDeals.get(cid).state, 26);
});

test('a deal that misses its start lingers with its money locked until it is settled', async (t) => {
  const { devnet, root } = await dealing(t);
  devnet.faults.provider('f01000', { neverSeal: true });
  await start(devnet, root);
  await devnet.advance(700);
  const [deal] = devnet.truth().deals;
  t.is(deal?.sectorStartEpoch, -1);
  t.not(devnet.truth().locked, '0');
  devnet.settle(deal?.dealId ?? 0);
  await devnet.advance(2);
  t.is(devnet.truth().locked, '0');
  t.deepEqual(devnet.truth().paid, {});
});

test('termination pays until then, frees the rest, and deletes the deal', async (t) => {
  const { devnet, root } = await dealing(t);
  const dealId = await activate(devnet, await start(devnet, root));
  await devnet.advance(1_000);
  const before = devnet.truth();
  devnet.terminate(dealId);
  await devnet.advance(2);
  const after = devnet.truth();
  const { body } = await ask(devnet, 'StateMarketStorageDeal', [dealId, []]);
  t.regex(body.error?.message ?? '', /not found/);
  t.is(after.locked, '0');
  t.is(BigInt(before.escrow) - BigInt(after.escrow), BigInt(after.paid.f01000 ?? '0'));
  t.true(BigInt(after.paid.f01000 ?? '0') > PRICE * 400n);
});

test('a deal runs to its end in one long step, and is paid to the attoFIL', async (t) => {
  const { devnet, root } = await dealing(t);
  await activate(devnet, await start(devnet, root));
  const [deal] = devnet.truth().deals;
  const cost = PRICE * BigInt((deal?.endEpoch ?? 0) - (deal?.startEpoch ?? 0));
  await devnet.advance((deal?.endEpoch ?? 0) + 100 - devnet.truth().epoch);
  const { locked, escrow, paid } = devnet.truth();
  t.deepEqual({ locked, escrow, paid }, { locked: '0', escrow: '0', paid: { f01000: cost.toString() } });
});

test('a reorganisation takes a publish back; dropped, it stays away', async (t) => {
  const { devnet, root } = await dealing(t);
  await start(devnet, root);
  await devnet.advanceUntil(() => devnet.deals()[0]?.state === 'published', 30);
  t.is(typeof devnet.truth().deals[0]?.dealId, 'number');
  await devnet.reorg(4, { drop: true });
  await devnet.advance(5);
  t.is(devnet.truth().deals[0]?.dealId, null);
});

test('bytes that were corrupted come back other than they went', async (t) => {
  const { devnet, root } = await dealing(t);
  await activate(devnet, await start(devnet, root));
  devnet.faults.provider('f01000', { corruptBytes: true });
  const id = devnet.world.retrievals.begin({ root, provider: 'f01000', total: 0n });
  await devnet.world.retrievals.get(id).done;
  const index = await devnet.world.imports.index(devnet.world.retrievals.carPath(id));
  t.is(index.root, root);
  devnet.faults.provider('f01000', { loseBytes: true });
  t.deepEqual(await resultOf(devnet, 'ClientFindData', [{ '/': root }, null]), []);
});

test('retrieved bytes do not pile up on the disk of the node, nor over a restart', async (t) => {
  const { dir } = await devnetFor(t);
  const first = await createDevnet({ dir });
  const car = await writeTestCar(dir, 'one', [bytesOf('leaf', 90_000)]);
  await resultOf(first, 'ClientImport', [{ Path: car.path, IsCAR: true }]);
  await activate(first, await start(first, car.root));
  const { retrievals } = first.world;
  for (let count = 0; count < 40; count++) await retrievals.get(retrievals.begin({ root: car.root, provider: 'f01000', total: 0n })).done;
  const newest = retrievals.list().at(-1)?.id ?? '';
  t.true(existsSync(retrievals.carPath(newest)));
  t.true((await readdir(join(dir, 'retrievals'))).length <= 16);
  t.true(retrievals.list().length <= 16);
  await first.stop();
  const second = await createDevnet({ dir });
  t.false(existsSync(retrievals.carPath(newest)));
  await second.stop();
});

test('two networks never share a directory', async (t) => {
  const { dir } = await devnetFor(t);
  const first = await createDevnet({ dir });
  await t.throwsAsync(createDevnet({ dir }), { name: 'DirInUse' });
  await first.stop();
  const second = await createDevnet({ dir });
  await second.stop();
});

test('a network goes on where it was stopped', async (t) => {
  const { dir } = await devnetFor(t);
  const first = await createDevnet({ dir });
  const car = await writeTestCar(dir, 'one', [bytesOf('leaf', 90_000)]);
  await resultOf(first, 'ClientImport', [{ Path: car.path, IsCAR: true }]);
  const cid = await start(first, car.root);
  await activate(first, cid);
  const before = first.truth();
  await first.stop();
  const second = await createDevnet({ dir });
  t.deepEqual(second.truth(), before);
  t.is((await ask(second, 'ClientGetDealInfo', [{ '/': cid }])).status, 200);
  await second.stop();
});

test('a token allows what it says and nothing above', async (t) => {
  const devnet = await devnetFor(t);
  for (const [method, params, needs] of [
    ['ChainHead', [], 'read'],
    ['WalletList', [], 'write'],
    ['MarketGetReserved', [devnet.wallet], 'sign'],
    ['AuthNew', [['read']], 'admin'],
  ] as const) {
    const order = ['read', 'write', 'sign', 'admin'] as const;
    for (const permission of order) {
      const { body } = await ask(devnet, method, params, { token: devnet.tokens[permission] });
      const isAllowed = order.indexOf(permission) >= order.indexOf(needs);
      t.is(body.error?.message, isAllowed ? undefined : `missing permission to invoke '${method}' (need '${needs}')`);
    }
  }
});
