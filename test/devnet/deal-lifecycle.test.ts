import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';

import { ask, devnetFor, resultOf, writeTestCar } from '../fixtures/create-devnet.ts';
import { bytesOf } from './cids.ts';

const LEAVES = [1, 2, 3].map((seed) => bytesOf(`leaf ${seed}`, 40_000));

test('a CAR becomes a deal, is sealed, and comes back byte for byte', async (t) => {
  const devnet = await devnetFor(t);
  const car = await writeTestCar(devnet.dir, 'one', LEAVES);
  const imported = await resultOf<{ Root: unknown; ImportID: bigint }>(devnet, 'ClientImport', [{ Path: car.path, IsCAR: true }]);
  t.deepEqual(imported.Root, { '/': car.root });
  t.is(typeof imported.ImportID, 'bigint');
  const size = await resultOf<{ PayloadSize: number; PieceSize: number }>(devnet, 'ClientDealPieceCID', [{ '/': car.root }]);
  t.is(size.PayloadSize, car.bytes.length);

  const [provider] = devnet.providers;
  const start = {
    Data: { TransferType: 'graphsync', Root: { '/': car.root }, PieceCid: null, PieceSize: 0 },
    Wallet: devnet.wallet,
    Miner: provider?.id,
    EpochPrice: '61036',
    MinBlocksDuration: 518_400,
    ProviderCollateral: '0',
    DealStartEpoch: 5_000,
    FastRetrieval: true,
    VerifiedDeal: false,
  };
  const proposal = await resultOf<{ '/': string }>(devnet, 'ClientStartDeal', [start]);
  const again = await ask(devnet, 'ClientStartDeal', [start]);
  t.regex(again.body.error?.message ?? '', new RegExp(`already tracking identifier \`${proposal['/']}\``));

  const seen: number[] = [];
  for (let epoch = 0; epoch < 40 && seen.at(-1) !== 7; epoch += 1) {
    const info = await resultOf<{ State: number; Message: string }>(devnet, 'ClientGetDealInfo', [proposal]);
    if (info.State !== seen.at(-1)) seen.push(info.State);
    t.is(info.Message, '');
    await devnet.advance(1);
  }
  t.is(seen.at(-1), 7, `states ${seen}`);
  const info = await resultOf<{ DealID: number; Duration: number }>(devnet, 'ClientGetDealInfo', [proposal]);
  const onChain = await resultOf<{ Proposal: Record<string, unknown>; State: Record<string, number> }>(devnet, 'StateMarketStorageDeal', [
    info.DealID,
    [],
  ]);
  t.true((onChain.State.SectorStartEpoch ?? -1) > 0);
  t.is(onChain.Proposal.StartEpoch, 5_000);
  const balance = await resultOf<{ Escrow: string; Locked: string }>(devnet, 'StateMarketBalance', [devnet.wallet, []]);
  t.is(balance.Locked, String(61_036 * info.Duration));
  t.is(balance.Escrow, balance.Locked);

  const offer = await resultOf<Record<string, unknown>>(devnet, 'ClientMinerQueryOffer', [provider?.id, { '/': car.root }, null]);
  const order = { ...offer, DataSelector: null, RemoteStore: null, Total: offer.MinPrice, Client: devnet.wallet };
  const { DealID } = await resultOf<{ DealID: bigint }>(devnet, 'ClientRetrieve', [order]);
  t.true(DealID > 2n ** 53n);
  t.false('result' in (await ask(devnet, 'ClientRetrieveWait', [DealID])).body);
  const out = join(devnet.dir, 'out.car');
  const ref = { Root: { '/': car.root }, DAGs: null, FromLocalCAR: '', DealID };
  await resultOf(devnet, 'ClientExport', [ref, { Path: out, IsCAR: true }]);
  t.deepEqual(new Uint8Array(await readFile(out)), new Uint8Array(car.bytes));
});
