import test from 'ava';

import { createLotusRpc } from '../../../daemon/cold/chain/lotus-rpc.ts';
import { createPublishRecords } from '../../../daemon/cold/chain/publish-records.ts';
import { readProposal } from '../../../daemon/receipts/proposal.ts';
import { isSignedBy } from '../../../daemon/receipts/signature.ts';
import { createDevnet } from '../../devnet/devnet.ts';
import { createPiece } from '../makers/create-piece.ts';

const never = new AbortController().signal;

test('a signed proposal is found by its number, amid those of other clients, and when its message was replaced', async (t) => {
  for (const replacePublish of [false, true]) {
    const devnet = await createDevnet({ providers: [{ faults: { replacePublish } }, {}] });
    t.teardown(() => devnet.stop());
    const rpc = createLotusRpc({ url: devnet.rpcUrl, token: () => devnet.tokens.admin });
    const records = createPublishRecords(rpc);
    await devnet.advance(2);
    const { piece, file } = await createPiece(devnet.dir);
    await rpc.call('ClientImport', [{ Path: file, IsCAR: true }], { signal: never });
    for (const { id: Miner } of devnet.providers) {
      const Data = { TransferType: 'graphsync', Root: { '/': piece.rootCid }, PieceCid: null, PieceSize: 0 };
      const terms = { EpochPrice: '1000000', MinBlocksDuration: 518_400, ProviderCollateral: '0', DealStartEpoch: 500 };
      const deal = { Data, Wallet: devnet.wallet, Miner, ...terms, FastRetrieval: true, VerifiedDeal: false };
      await rpc.call('ClientStartDeal', [deal], { signal: never });
    }
    const epoch = await devnet.advanceUntil(() => devnet.truth().deals.every(({ dealId }) => dealId !== null));
    for (const { dealId, provider } of devnet.truth().deals) {
      const found = await records.find(dealId ?? 0, { from: 0, to: epoch }, never);
      if (found === undefined) return t.fail(`deal ${dealId} was not found`);
      t.like(readProposal(found.proposal), { pieceCid: piece.pieceCid, client: devnet.wallet, provider, startEpoch: 500 });
      t.true(isSignedBy(devnet.wallet, found.proposal, found.signature));
      t.true((await records.read(found.publishCid, never))?.some(({ chainDealId }) => chainDealId === dealId));
      t.is(await records.find(dealId ?? 0, { from: epoch + 1, to: epoch + 1 }, never).catch(() => undefined), undefined);
    }
    t.is(await records.find(4_711, { from: 0, to: epoch }, never), undefined);
    t.is(await records.read(piece.rootCid, never), undefined);
  }
});
