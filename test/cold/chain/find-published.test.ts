import test from 'ava';

import { createLotusChain } from '../../../daemon/cold/chain/lotus-chain.ts';
import { LotusRefusal } from '../../../daemon/cold/chain/lotus-error.ts';
import { createLotusRpc, type LotusRpc } from '../../../daemon/cold/chain/lotus-rpc.ts';
import { ColdError } from '../../../daemon/domain/cold-ports.ts';
import { createDevnet } from '../../devnet/devnet.ts';
import { createPiece } from '../makers/create-piece.ts';

const never = new AbortController().signal;
const START_EPOCH = 500;

test('a deal that nobody names is found among all that was published, also when its message was replaced', async (t) => {
  for (const replacePublish of [false, true]) {
    const devnet = await createDevnet({ providers: [{ faults: { replacePublish } }, {}] });
    t.teardown(() => devnet.stop());
    const rpc = createLotusRpc({ url: devnet.rpcUrl, token: () => devnet.tokens.admin });
    const { findPublished } = createLotusChain({ rpc, finalityEpochs: 5, clock: { nowMs: () => 0 } });
    await devnet.advance(2);
    const { piece, file } = await createPiece(devnet.dir);
    await rpc.call('ClientImport', [{ Path: file, IsCAR: true }], { signal: never });
    for (const { id: Miner } of devnet.providers) {
      const Data = { TransferType: 'graphsync', Root: { '/': piece.rootCid }, PieceCid: null, PieceSize: 0 };
      const terms = { EpochPrice: '1000000', MinBlocksDuration: 518_400, ProviderCollateral: '0', DealStartEpoch: START_EPOCH };
      const deal = { Data, Wallet: devnet.wallet, Miner, ...terms, FastRetrieval: true, VerifiedDeal: false };
      await rpc.call('ClientStartDeal', [deal], { signal: never });
    }
    await devnet.advanceUntil(() => devnet.truth().deals.every(({ dealId }) => dealId !== null));
    await devnet.advance(START_EPOCH);
    for (const { dealId, provider } of devnet.truth().deals) {
      const wanted = { pieceCid: piece.pieceCid, provider, startEpoch: START_EPOCH, from: 2, to: START_EPOCH };
      const found = await findPublished?.(wanted, never);
      t.deepEqual(
        found?.map((one) => one.chainDealId),
        [dealId],
      );
      for (const other of [{ startEpoch: 501 }, { pieceCid: piece.rootCid }, { provider: 'f0999' }, { to: 1, from: 0 }])
        t.deepEqual(await findPublished?.({ ...wanted, ...other }, never), []);
    }
    devnet.faults.rpc('StateListMessages', 'reset');
    const wanted = { pieceCid: piece.pieceCid, provider: 'f01000', startEpoch: START_EPOCH, from: 0, to: START_EPOCH };
    await t.throwsAsync(async () => findPublished?.(wanted, never), { instanceOf: ColdError });
  }
});

test('where messages cannot be listed, as at a gateway, nothing is said', async (t) => {
  const devnet = await createDevnet({ providers: [{}] });
  t.teardown(() => devnet.stop());
  const node = createLotusRpc({ url: devnet.rpcUrl, token: () => devnet.tokens.read });
  const call: LotusRpc['call'] = async (method, params, options) => {
    if (method === 'StateListMessages') throw new LotusRefusal(method, -32601, `method 'Filecoin.${method}' not found`);
    return await node.call(method, params, options);
  };
  const { findPublished } = createLotusChain({ rpc: { ...node, call }, finalityEpochs: 5, clock: { nowMs: () => 0 } });
  await devnet.advance(3);
  t.is(await findPublished?.({ pieceCid: 'baga', provider: 'f01000', startEpoch: 2, from: 0, to: 2 }, never), undefined);
});
