import test, { type ExecutionContext } from 'ava';

import { createLotusChain } from '../../../daemon/cold/chain/lotus-chain.ts';
import { createLotusRpc, type LotusRpc } from '../../../daemon/cold/chain/lotus-rpc.ts';
import { type Chain, ColdError } from '../../../daemon/domain/cold-ports.ts';
import { createDevnet, type Devnet, type DevnetOptions } from '../../devnet/devnet.ts';
import { createPiece } from '../makers/create-piece.ts';

const never = new AbortController().signal;
const FINALITY_EPOCHS = 5;

interface Network {
  devnet: Devnet;
  chain: Chain;
  rpc: LotusRpc;
}

async function createNetwork(t: ExecutionContext, options: DevnetOptions = {}): Promise<Network> {
  const devnet = await createDevnet(options);
  t.teardown(() => devnet.stop());
  const rpc = createLotusRpc({ url: devnet.rpcUrl, token: () => devnet.tokens.admin });
  return { devnet, rpc, chain: createLotusChain({ rpc, finalityEpochs: FINALITY_EPOCHS, clock: { nowMs: () => 0 } }) };
}

/** Deals about one piece with all providers, started in the plainest way. */
async function startDeals({ devnet, rpc }: Network): Promise<{ pieceCid: string; providers: readonly string[] }> {
  const { piece, file } = await createPiece(devnet.dir);
  await rpc.call('ClientImport', [{ Path: file, IsCAR: true }], { signal: never });
  const providers = devnet.providers.map(({ id }) => id);
  for (const Miner of providers) {
    const deal = {
      Data: { TransferType: 'graphsync', Root: { '/': piece.rootCid }, PieceCid: null, PieceSize: 0 },
      Wallet: devnet.wallet,
      Miner,
      EpochPrice: '1000000',
      MinBlocksDuration: 518_400,
      ProviderCollateral: '0',
      DealStartEpoch: 500,
      FastRetrieval: true,
      VerifiedDeal: false,
    };
    await rpc.call('ClientStartDeal', [deal], { signal: never });
  }
  return { pieceCid: piece.pieceCid, providers };
}

const isPublished = ({ devnet }: Network) => devnet.truth().deals.length > 0 && devnet.truth().deals.every(({ dealId }) => dealId !== null);

test('every depth of finality is a view of one of its tip sets, over null rounds as well', async (t) => {
  const { devnet, chain, rpc } = await createNetwork(t);
  t.like(await chain.view(never), { network: 'localnet', headEpoch: 0, finalizedEpoch: 0 }, 'at its very beginning');
  await devnet.advance(200);
  const keys = new Set<string>();
  for (let depth = 0; depth < 60; depth++) {
    const deeper = createLotusChain({ rpc, finalityEpochs: depth, clock: { nowMs: () => 0 } });
    const view = await deeper.view(never);
    t.is(view.headEpoch, 200);
    t.is(view.finalizedEpoch, 200 - depth);
    t.deepEqual(await deeper.marketBalance(devnet.wallet, view.finalizedKey, never), { escrowAtto: 0n, lockedAtto: 0n });
    keys.add(view.finalizedKey.join());
  }
  t.true(keys.size < 60 && keys.size > 50, `some epochs have no tip set of their own: ${keys.size} of 60 have`);
});

test('deals are found by what a publish message made, amid those of other clients and when it was replaced', async (t) => {
  for (const replacePublish of [false, true]) {
    const network = await createNetwork(t, { providers: [{ faults: { replacePublish } }, {}] });
    const { devnet, chain } = network;
    await devnet.advance(2);
    const { pieceCid } = await startDeals(network);
    await devnet.advanceUntil(() => isPublished(network));
    const client = await chain.idAddress(devnet.wallet, never);
    for (const deal of devnet.truth().deals) {
      const published = await chain.publishedDeals(deal.publishCid ?? '', never);
      const ours = published?.filter((one) => one.pieceCid === pieceCid && one.provider === deal.provider);
      t.is(ours?.length, 1);
      t.is(ours?.[0]?.chainDealId, deal.dealId ?? -1);
      const { client: paying, startEpoch, endEpoch } = ours?.[0] ?? { client: '', startEpoch: 0, endEpoch: 0 };
      t.true([client, devnet.wallet].includes(paying));
      t.deepEqual([startEpoch, endEpoch], [deal.startEpoch, deal.endEpoch]);
    }
  }
});

test('what is named as the message of a deal and is a block, or nowhere, published nothing', async (t) => {
  const { devnet, chain } = await createNetwork(t);
  await devnet.advance(20);
  const { finalizedKey, genesisCid } = await chain.view(never);
  for (const cid of [finalizedKey[0] ?? '', genesisCid, 'bafy2bzacecrtml2h4dfxjzxga3jqrpnnpfvr7tjjk6umrn7v3akt7no4rsiu4'])
    t.is(await chain.publishedDeals(cid, never), undefined);
});

test('a deal is there at the head before it is at finality; a reorg takes it back, and its termination', async (t) => {
  const network = await createNetwork(t, { providers: [{}] });
  const { devnet, chain } = network;
  await devnet.advance(20);
  await startDeals(network);
  await devnet.advanceUntil(() => isPublished(network));
  const id = devnet.truth().deals[0]?.dealId ?? 0;
  const { finalizedKey } = await chain.view(never);
  t.truthy(await chain.marketDeal(id, undefined, never));
  t.is(await chain.marketDeal(id, finalizedKey, never), undefined);
  await devnet.advance(FINALITY_EPOCHS + 40);
  const later = await chain.view(never);
  t.true(((await chain.marketDeal(id, later.finalizedKey, never))?.sectorStartEpoch ?? -1) > -1);
  devnet.terminate(id);
  await devnet.advance(5);
  t.is(await chain.marketDeal(id, undefined, never), undefined, 'termination deletes it');
  t.truthy(await chain.marketDeal(id, later.finalizedKey, never), 'but not from what was');
});

test('balances and money locked are read at the tip set that is asked for', async (t) => {
  const network = await createNetwork(t);
  const { devnet, chain } = network;
  await devnet.advance(20);
  t.deepEqual(await chain.marketBalance(devnet.wallet, undefined, never), { escrowAtto: 0n, lockedAtto: 0n });
  t.is(await chain.walletBalance(devnet.wallet, never), BigInt(devnet.truth().balance));
  await startDeals(network);
  await devnet.advanceUntil(() => isPublished(network));
  const { escrow, locked } = devnet.truth();
  t.true(BigInt(locked) > 0n);
  await devnet.advance(1);
  t.deepEqual(await chain.marketBalance(devnet.wallet, undefined, never), { escrowAtto: BigInt(escrow), lockedAtto: BigInt(locked) });
  const { finalizedKey } = await chain.view(never);
  t.is((await chain.marketBalance(devnet.wallet, finalizedKey, never)).lockedAtto, 0n, 'not at finality yet');
});

test('providers are told apart by what the chain says of them', async (t) => {
  const { devnet, chain } = await createNetwork(t);
  const found = await Promise.all(devnet.providers.map(({ id }) => chain.provider(id, never)));
  for (const [at, { owner, peerId, worker, beneficiary }] of devnet.providers.entries())
    t.like(found[at], { owner, peerId, worker, beneficiary });
  t.is(new Set(found.map(({ hosts }) => hosts.join())).size, found.length, 'on one machine they have ports of their own');
  await t.throwsAsync(chain.provider('f0999999', never), { instanceOf: ColdError });
});

test('a node that lies behind, or is of another network, shows in the view', async (t) => {
  const { devnet, chain } = await createNetwork(t);
  await devnet.advance(50);
  const before = await chain.view(never);
  devnet.faults.node({ behindEpochs: 30 });
  t.true((await chain.view(never)).headEpoch <= before.headEpoch - 30);
  devnet.faults.node({ behindEpochs: 0, network: 'othernet', otherGenesis: true });
  const other = await chain.view(never);
  t.is(other.network, 'othernet');
  t.not(other.genesisCid, before.genesisCid);
});
