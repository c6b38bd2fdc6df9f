import * as dagCbor from '@ipld/dag-cbor';
import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';

import { devnetFor, resultOf, type TestCar, writeTestCar } from '../../fixtures/create-devnet.ts';
import {
  type CarServer,
  createCarServer,
  type Exchange,
  fundEscrow,
  httpCall,
  httpExchange,
  httpUrlOf,
  libp2pExchange,
  signedDeal,
  statusOf,
} from '../../fixtures/create-mk12-client.ts';
import { addressBytes } from '../address.ts';
import { bytesOf } from '../cids.ts';
import type { Devnet } from '../devnet.ts';
import { unpadded } from '../piece-cid.ts';
import type { Mk12Style } from '../provider.ts';

const LEAVES = [1, 2, 3].map((seed) => bytesOf(`leaf ${seed}`, 40_000));

interface Made {
  devnet: Devnet;
  exchange: Exchange;
  car: TestCar;
  server: CarServer;
  uuid: string;
  pieceCid: string;
}

async function propose(t: ExecutionContext, mk12: Mk12Style, exchangeOf: (devnet: Devnet) => Promise<Exchange>): Promise<Made> {
  const devnet = await devnetFor(t, { providers: [{ mk12 }] });
  await fundEscrow(devnet);
  const car = await writeTestCar(devnet.dir, 'one', LEAVES);
  const server = await createCarServer(t, car.bytes);
  const exchange = await exchangeOf(devnet);
  const { request, uuid, pieceCid } = await signedDeal(devnet, { provider: 'f01000', url: server.url, car });
  t.deepEqual(dagCbor.decode(await exchange('store', request)), { Accepted: true, Message: '' });
  return { devnet, exchange, car, server, uuid, pieceCid };
}

/** Every status that shows on the way, once. */
async function untilActive({ devnet, exchange, uuid }: Made): Promise<string[]> {
  const seen: string[] = [];
  for (let epoch = 0; epoch < 40 && devnet.deals()[0]?.state !== 'active'; epoch += 1) {
    const { DealStatus } = await statusOf(devnet, exchange, uuid);
    const { Status, SealingStatus, ChainDealID } = DealStatus as Record<string, unknown>;
    const now = `${Status} ${SealingStatus} ${Number(ChainDealID) > 0 ? 'with' : 'without'} ID`;
    if (seen.at(-1) !== now) seen.push(now);
    await devnet.advance(1);
  }
  return seen;
}

async function bytesAgain(t: ExecutionContext, { devnet, car, pieceCid }: Made, url: string): Promise<void> {
  const gateway = await httpCall(`${url}/ipfs/${car.root}?format=car`, 'GET');
  t.is(gateway.status, 200);
  t.is(gateway.headers['content-type'], 'application/vnd.ipld.car;version=1;order=dfs;dups=y');
  t.deepEqual(Buffer.from(gateway.body), Buffer.from(car.bytes));
  const root = await httpCall(`${url}/ipfs/${car.root}?format=car&dag-scope=block`, 'GET');
  t.true(root.body.length > 0 && root.body.length < 300);
  const piece = await httpCall(`${url}/piece/${pieceCid}`, 'GET');
  const [deal] = devnet.deals();
  const padded = Buffer.alloc(unpadded(deal?.proposal.pieceSizeBytes ?? 0));
  padded.set(car.bytes);
  t.deepEqual(Buffer.from(piece.body), padded);
  for (const [from, to] of [
    [0, 9],
    [car.bytes.length - 5, car.bytes.length + 5],
    [padded.length - 3, padded.length + 100],
  ] as const) {
    const part = await httpCall(`${url}/piece/${pieceCid}`, 'GET', new Uint8Array(), { range: `bytes=${from}-${to}` });
    t.is(part.status, 206);
    t.deepEqual(Buffer.from(part.body), padded.subarray(from, to + 1));
  }
}

async function isActiveOnChain(t: ExecutionContext, { devnet, uuid }: Made): Promise<void> {
  const [deal] = devnet.truth().deals;
  t.is(deal?.uuid, uuid);
  const onChain = await resultOf<{ State: { SectorStartEpoch: number } }>(devnet, 'StateMarketStorageDeal', [deal?.dealId, []]);
  t.true(onChain.State.SectorStartEpoch > 0);
}

test('a deal by libp2p: pulled in five ranges, published, sealed, and given back', async (t) => {
  const made = await propose(t, 'boost', (devnet) => libp2pExchange(t, devnet, 'f01000'));
  const seen = await untilActive(made);
  t.is(seen[0], 'Accepted Proving without ID');
  t.true(seen.includes('Published Proving without ID'), `${seen}`);
  t.is(seen.at(-1), 'IndexedAndAnnounced CommitAggregateWait with ID');
  await isActiveOnChain(t, made);
  const size = made.car.bytes.length;
  const part = Math.floor(size / 5);
  const ranges = [0, 1, 2, 3].map((index) => `GET bytes=${index * part}-${(index + 1) * part}`);
  t.is(made.server.requests[0], 'HEAD');
  t.deepEqual(made.server.requests.slice(1).sort(), [...ranges, `GET bytes=${4 * part}-${size}`].sort());
  const { Protocols } = dagCbor.decode<{ Protocols: { Name: string; Addresses: Uint8Array[] }[] }>(
    await made.exchange('transports', new Uint8Array()),
  );
  t.deepEqual(
    Protocols.map(({ Name }) => Name),
    ['http', 'libp2p'],
  );
  const port = Buffer.from(Protocols[0]?.Addresses[0] ?? []).readUInt16BE(6);
  await bytesAgain(t, made, `http://127.0.0.1:${port}`);
  const unknown = await httpCall(
    `http://127.0.0.1:${port}/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy?format=car`,
    'GET',
  );
  t.deepEqual({ status: unknown.status, bytes: unknown.body.length }, { status: 200, bytes: 0 });
});

test('a deal by HTTP: pulled in one stream, and no ID until it is sealed', async (t) => {
  const made = await propose(t, 'curio', (devnet) => httpExchange(devnet, 'f01000'));
  t.deepEqual(await untilActive(made), ['Processing Not assigned to sector without ID']);
  const { DealStatus } = await statusOf(made.devnet, made.exchange, made.uuid);
  t.is((DealStatus as Record<string, unknown>).Status, 'Sealed');
  t.is((DealStatus as Record<string, unknown>).ChainDealID, made.devnet.truth().deals[0]?.dealId);
  await isActiveOnChain(t, made);
  t.deepEqual(made.server.requests, ['GET']);
  await bytesAgain(t, made, await httpUrlOf(made.devnet, 'f01000'));
});

test('a deal by libp2p over websockets, at the address where HTTP is', async (t) => {
  const made = await propose(t, 'both', (devnet) => libp2pExchange(t, devnet, 'f01000'));
  await untilActive(made);
  await isActiveOnChain(t, made);
  const byHttp = await httpExchange(made.devnet, 'f01000');
  t.deepEqual(await statusOf(made.devnet, byHttp, made.uuid), await statusOf(made.devnet, made.exchange, made.uuid));
  await bytesAgain(t, made, await httpUrlOf(made.devnet, 'f01000'));
});

test('a piece larger than its bytes is padded with zeros, by the provider or by the client', async (t) => {
  const devnet = await devnetFor(t, { providers: [{ mk12: 'boost' }, { mk12: 'curio' }] });
  await fundEscrow(devnet);
  const car = await writeTestCar(devnet.dir, 'one', LEAVES);
  const twice = Buffer.concat([car.bytes, Buffer.alloc(unpadded(1 << 18) - car.bytes.length + 1)]);
  const server = await createCarServer(t, car.bytes);
  const padded = await createCarServer(t, twice);
  const large = await signedDeal(devnet, { provider: 'f01001', url: padded.url, car: { ...car, bytes: twice } });
  const small = await signedDeal(devnet, {
    provider: 'f01000',
    url: server.url,
    car,
    fields: { 0: CID.parse(large.pieceCid), 1: 1 << 19 },
  });
  const byLibp2p = await libp2pExchange(t, devnet, 'f01000');
  const byHttp = await httpExchange(devnet, 'f01001');
  t.deepEqual(dagCbor.decode(await byLibp2p('store', small.request)), { Accepted: true, Message: '' });
  t.deepEqual(dagCbor.decode(await byHttp('store', large.request)), { Accepted: true, Message: '' });
  await devnet.advanceUntil(() => devnet.deals().every(({ state }) => state === 'active'), 40);
  const url = await httpUrlOf(devnet, 'f01001');
  t.deepEqual(Buffer.from((await httpCall(`${url}/ipfs/${car.root}?format=car`, 'GET')).body), Buffer.from(car.bytes));
});

test('an ask says what a provider wants now, and its worker has signed it', async (t) => {
  const devnet = await devnetFor(t, { providers: [{ mk12: 'both' }] });
  const request = dagCbor.encode({ Miner: addressBytes('f01000') });
  type Ask = { Ask: { Ask: Record<string, Uint8Array>; Signature: Uint8Array } };
  const byHttp = await (await httpExchange(devnet, 'f01000'))('ask', request);
  t.deepEqual(Buffer.from(byHttp), Buffer.from(await (await libp2pExchange(t, devnet, 'f01000'))('ask', request)));
  const { Ask } = dagCbor.decode<Ask>(byHttp);
  t.deepEqual(Object.keys(Ask.Ask).sort(), [
    'Expiry',
    'MaxPieceSize',
    'MinPieceSize',
    'Miner',
    'Price',
    'SeqNo',
    'Timestamp',
    'VerifiedPrice',
  ]);
  t.is(Ask.Signature[0], 1);
  devnet.faults.provider('f01000', { askAtto: '1000000000000000000' });
  const later = dagCbor.decode<Ask>(await (await httpExchange(devnet, 'f01000'))('ask', request));
  t.is(BigInt(`0x${Buffer.from(later.Ask.Ask.Price ?? []).toString('hex')}`), 10n ** 18n);
});
