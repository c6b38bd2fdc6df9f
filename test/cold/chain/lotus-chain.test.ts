import test, { type ExecutionContext } from 'ava';

import { createLotusChain, type LotusChainOptions } from '../../../daemon/cold/chain/lotus-chain.ts';
import { createLotusRpc } from '../../../daemon/cold/chain/lotus-rpc.ts';
import { type Chain, ColdError } from '../../../daemon/domain/cold-ports.ts';
import { recorded } from '../../fixtures/lotus/recorded.ts';
import { createRecordedLotus, replyError, type StubCall, type StubLotus } from '../../fixtures/stub-lotus.ts';
import { publishMessage } from './publish-message.ts';

const signal = AbortSignal.timeout(60_000);
const HEAD_KEY = 'bafy2bzacecob53wse3sughtbebpnteq7balft5u7kqgpxgx6ycmzfbnkuj4ci';
const GENESIS = 'bafy2bzaceckid7cnbfmopw72hc5meigejuxe7esmigyt5eoj2vphtwt7kg7mu';
const DEPTH_KEY = 'bafy2bzacea5uod4yb7odsespqbiimltyd2arqsl6ag6b5f2nsqbezr3xsa2wq';
const WALLET = 'f3vh3mtjpwei47ucsha2m67v3pb6wogxefiubu6eblh52rdwjwu2jllahr3uoppqsol5nr5phhqkmmnmrlijua';
const UNKNOWN = 'f1ch3k3dwffiuyjk5k7v6dwulfan4fyidsc4lgg4i';
const PUBLISH = 'bafy2bzacedctfk6ziqyjfth4sser63ynzveu5xkrrq5h2jz5eo5sxrgsjadb2';

async function createChain(
  t: ExecutionContext,
  overrides: Readonly<Record<string, (call: StubCall) => unknown>> = {},
  options: Partial<LotusChainOptions> = {},
): Promise<{ chain: Chain; lotus: StubLotus }> {
  const lotus = await createRecordedLotus(t, overrides);
  return {
    lotus,
    chain: createLotusChain({ rpc: createLotusRpc({ url: lotus.url }), finalityEpochs: 3, clock: { nowMs: () => 0 }, ...options }),
  };
}

const atDepth = { ChainGetTipSetByHeight: () => recorded('y03-ChainGetTipSetByHeight').reply?.result };

test('a view: the network, its head, and the tip set at finality below it', async (t) => {
  const { chain, lotus } = await createChain(t, atDepth);
  const view = { network: 'test', genesisCid: GENESIS, headEpoch: 36, finalizedEpoch: 33, finalizedKey: [DEPTH_KEY] };
  t.deepEqual(await chain.view(signal), view);
  await chain.view(signal);
  t.deepEqual(lotus.calls.find(({ method }) => method === 'ChainGetTipSetByHeight')?.params, [33, [{ '/': HEAD_KEY }]]);
  t.is(lotus.calls.filter(({ method }) => method === 'ChainGetFinalizedTipSet').length, 1, 'a node that has no such method is asked once');
});

test('a network younger than finality is final at its genesis', async (t) => {
  const genesis = { ChainGetTipSetByHeight: () => recorded('y02-ChainGetGenesis').reply?.result };
  const { chain, lotus } = await createChain(t, genesis, { finalityEpochs: 900 });
  t.is((await chain.view(signal)).finalizedEpoch, 0);
  t.is(lotus.calls.find(({ method }) => method === 'ChainGetTipSetByHeight')?.params[0], 0);
});

test('over null rounds, the epoch is the one asked for and the tip set the one next below', async (t) => {
  const { chain } = await createChain(t, atDepth, { finalityEpochs: 1 });
  const { finalizedEpoch, finalizedKey } = await chain.view(signal);
  t.is(finalizedEpoch, 35);
  t.deepEqual(finalizedKey, [DEPTH_KEY]);
});

test('a node that knows what is final is believed', async (t) => {
  const { chain, lotus } = await createChain(t, { ChainGetFinalizedTipSet: () => recorded('y03-ChainGetTipSetByHeight').reply?.result });
  const { finalizedEpoch, finalizedKey } = await chain.view(signal);
  t.is(finalizedEpoch, 33);
  t.deepEqual(finalizedKey, [DEPTH_KEY]);
  t.false(lotus.calls.some(({ method }) => method === 'ChainGetTipSetByHeight'));
});

test('that its head lies behind is only said of networks whose epochs follow the clock', async (t) => {
  const headSeconds = 1_785_346_649;
  const behindOn = async (network: string, nowSeconds: number) => {
    const overrides = { ...atDepth, StateNetworkName: () => network };
    const { chain } = await createChain(t, overrides, { clock: { nowMs: () => nowSeconds * 1000 } });
    return (await chain.view(signal)).behindSeconds;
  };
  t.is(await behindOn('testnetnet', headSeconds + 125), 125, 'mainnet');
  t.is(await behindOn('calibrationnet', headSeconds - 1), 0);
  t.is(await behindOn('localnet', headSeconds + 125), undefined);
});

test('a market deal', async (t) => {
  const { chain } = await createChain(t);
  t.deepEqual(await chain.marketDeal(34, undefined, signal), {
    pieceCid: 'baga6ea4seaqfpa4c3k5cobuuy25uwvz7yjd3vnlpdjmbtot7klesaghaixnuedq',
    pieceSizeBytes: 1_048_576,
    client: 'f0102',
    provider: 'f01000',
    label: 'mAVWg5AIgpV2MdOIUZe4qE1D4SjXv97/JslCfgBSptP/w38HyRX0',
    verified: false,
    startEpoch: 23_078,
    endEpoch: 542_097,
    pricePerEpochAtto: 488_282n,
    providerCollateralAtto: 0n,
    clientCollateralAtto: 0n,
    sectorStartEpoch: 82,
    lastUpdatedEpoch: -1,
    slashEpoch: -1,
  });
});

test('a deal that the chain does not have is undefined; any other error is one', async (t) => {
  const { chain, lotus } = await createChain(t);
  t.is(await chain.marketDeal(999_999, undefined, signal), undefined);
  const broken = await createChain(t, {
    StateMarketStorageDeal: (call) => void replyError(call, 1, 'loading tipset: ipld: could not find x'),
  });
  t.is((await t.throwsAsync(broken.chain.marketDeal(34, [HEAD_KEY], signal), { instanceOf: ColdError }))?.failure, 'refused');
  t.deepEqual(broken.lotus.calls[0]?.params, [34, [{ '/': HEAD_KEY }]]);
  t.is(lotus.calls.length, 1);
});

test('a deal of another shape is no deal, and not absence either', async (t) => {
  for (const reply of [null, {}, { Proposal: {}, State: {} }, [], 7]) {
    const { chain } = await createChain(t, { StateMarketStorageDeal: () => reply });
    t.is((await t.throwsAsync(chain.marketDeal(34, undefined, signal), { instanceOf: ColdError }))?.failure, 'unreachable');
  }
});

test('balances and addresses', async (t) => {
  const { chain } = await createChain(t);
  t.is(await chain.walletBalance(WALLET, signal), 10n ** 26n);
  t.is(await chain.idAddress(WALLET, signal), 'f0102');
  t.is(await chain.idAddress(UNKNOWN, signal), undefined);
  t.deepEqual(await chain.marketBalance(WALLET, undefined, signal), { escrowAtto: 0n, lockedAtto: 0n });
  const funded = await createChain(t, { StateMarketBalance: () => recorded('45-StateMarketBalance-after').reply?.result });
  t.deepEqual(await funded.chain.marketBalance(WALLET, undefined, signal), { escrowAtto: 253_427_635_358n, lockedAtto: 253_427_635_358n });
  const none = await createChain(t, {
    StateMarketBalance: (call) => void replyError(call, 1, `resolve address ${UNKNOWN}: actor not found`),
  });
  t.deepEqual(await none.chain.marketBalance(UNKNOWN, undefined, signal), { escrowAtto: 0n, lockedAtto: 0n });
});

test('a provider', async (t) => {
  const { chain } = await createChain(t);
  t.deepEqual(await chain.provider('f01000', signal), {
    id: 'f01000',
    owner: 'f0103',
    worker: 'f0103',
    beneficiary: 'f0103',
    peerId: '12D3KooWLPCNYNCNMNDuWtjFzSs38MZZackCxPUsE2MVQxXYYU8n',
    hosts: ['127.0.0.1:46687'],
    sectorSizeBytes: 8_388_608,
  });
});

function published(reply: { params: string; returned: string }, exitCode = 0): Readonly<Record<string, (call: StubCall) => unknown>> {
  return {
    StateSearchMsg: () => ({ Message: { '/': HEAD_KEY }, Receipt: { ExitCode: exitCode, Return: reply.returned, GasUsed: 1 }, Height: 40 }),
    ChainGetMessage: () => ({ To: 'f05', Method: 4, Params: reply.params }),
  };
}

test('published deals: ids are of the valid proposals only, of the message that took the place of the one asked for', async (t) => {
  const { chain, lotus } = await createChain(t, published(publishMessage([7, 8, 9, 10], [false, true, false, true], [501, 502])));
  const deals = await chain.publishedDeals(PUBLISH, signal);
  t.deepEqual(
    deals?.map(({ chainDealId, startEpoch, client, provider }) => ({ chainDealId, startEpoch, client, provider })),
    [
      { chainDealId: 501, startEpoch: 8, client: UNKNOWN, provider: 'f01234' },
      { chainDealId: 502, startEpoch: 10, client: UNKNOWN, provider: 'f01234' },
    ],
  );
  t.deepEqual(lotus.calls.find(({ method }) => method === 'ChainGetMessage')?.params, [{ '/': HEAD_KEY }]);
});

test('a publish message that failed made none, one that is not there is undefined, and another message is none', async (t) => {
  const failed = await createChain(t, published(publishMessage([7], [true], [1]), 16));
  t.deepEqual(await failed.chain.publishedDeals(PUBLISH, signal), []);
  const waiting = await createChain(t, { StateSearchMsg: () => null });
  t.is(await waiting.chain.publishedDeals(PUBLISH, signal), undefined);
  const unknown = recorded('y22-StateSearchMsg-unknown').reply?.error;
  const absent = await createChain(t, { StateSearchMsg: (call) => void replyError(call, unknown?.code ?? 0, unknown?.message ?? '') });
  t.is(await absent.chain.publishedDeals(PUBLISH, signal), undefined);
  const other = await createChain(t, { StateSearchMsg: () => recorded('y21-StateSearchMsg').reply?.result });
  t.deepEqual(await other.chain.publishedDeals(PUBLISH, signal), [], 'the recorded message adds to a balance');
});

test('a publish message that does not add up is not read', async (t) => {
  const { chain } = await createChain(t, published(publishMessage([7, 8], [true, true], [501])));
  t.is((await t.throwsAsync(chain.publishedDeals(PUBLISH, signal), { instanceOf: ColdError }))?.failure, 'unreachable');
});
