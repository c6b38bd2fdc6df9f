import { setImmediate } from 'node:timers/promises';

import * as dagCbor from '@ipld/dag-cbor';
import test, { type ExecutionContext } from 'ava';

import { devnetFor, resultOf, writeTestCar } from '../../fixtures/create-devnet.ts';
import {
  createCarServer,
  fundEscrow,
  httpCall,
  httpExchange,
  httpUrlOf,
  libp2pExchange,
  signedDeal,
  statusOf,
} from '../../fixtures/create-mk12-client.ts';
import { bytesOf } from '../cids.ts';
import type { Mk12ReplyFault } from '../faults.ts';
import { RateLimit } from './rate-limit.ts';

const MIB = 1 << 20;

async function dealing(t: ExecutionContext) {
  const devnet = await devnetFor(t, { providers: [{ mk12: 'both' }] });
  await fundEscrow(devnet);
  const car = await writeTestCar(devnet.dir, 'one', [bytesOf('leaf', 90_000)]);
  const { url } = await createCarServer(t, car.bytes);
  return { devnet, deal: (start: number) => signedDeal(devnet, { provider: 'f01000', url, car, fields: { 6: start } }) };
}

for (const transport of ['libp2p', 'HTTP'] as const) {
  test(`replies go wrong over ${transport}, and the deal is made all the same`, async (t) => {
    const { devnet, deal } = await dealing(t);
    const exchange = transport === 'HTTP' ? await httpExchange(devnet, 'f01000') : await libp2pExchange(t, devnet, 'f01000');
    const faults = ['drop', 'cut', 'garbage', 'bomb', 'huge'] as const satisfies readonly Mk12ReplyFault[];
    for (const [index, fault] of faults.entries()) {
      devnet.faults.provider('f01000', { mk12Reply: { store: fault } });
      const { request, uuid } = await deal(4_000 + index);
      const reply = await exchange('store', request).catch(() => undefined);
      if (fault === 'drop') t.is(reply, undefined);
      else if (fault === 'bomb') t.is(reply?.length, MIB);
      else if (fault === 'huge') t.is(reply?.length, 64 * MIB + 9);
      else t.throws(() => dagCbor.decode(reply ?? new Uint8Array()), undefined, fault);
      const { DealStatus } = await statusOf(devnet, exchange, uuid);
      t.truthy(DealStatus, fault);
    }
    t.is(devnet.deals().length, faults.length);
    await devnet.advanceUntil(() => devnet.deals().every(({ state }) => state === 'active'), 60);
  });
}

test('a reply that never comes leaves the connection open', async (t) => {
  const { devnet, deal } = await dealing(t);
  devnet.faults.provider('f01000', { mk12Reply: { store: 'hang' } });
  const exchange = await httpExchange(devnet, 'f01000');
  const { request } = await deal(4_000);
  let isOver = false;
  exchange('store', request).then(
    () => (isOver = true),
    () => (isOver = true),
  );
  while (devnet.deals().length === 0) await setImmediate();
  await devnet.advanceUntil(() => devnet.deals()[0]?.state === 'active', 60);
  t.false(isOver);
});

test('what is no request is refused', async (t) => {
  const { devnet } = await dealing(t);
  const url = `${await httpUrlOf(devnet, 'f01000')}/market/mk12`;
  t.is((await httpCall(`${url}/store`, 'POST', Buffer.from('nonsense'))).status, 400);
  t.is((await httpCall(`${url}/status`, 'GET', Uint8Array.of(0xa0))).status, 400);
  t.is((await httpCall(`${url}/store`, 'POST', Uint8Array.of(0xa0), { 'content-type': 'text/plain' })).status, 400);
  t.is((await httpCall(`${url}/store`, 'GET', Uint8Array.of(0xa0))).status, 404);
  t.is((await httpCall(`${url}/ask`, 'GET', dagCbor.encode({ Miner: Uint8Array.of(0, 1) }))).status, 500);
  const byLibp2p = await libp2pExchange(t, devnet, 'f01000');
  await t.throwsAsync(byLibp2p('store', Uint8Array.of(0xa0)));
  t.deepEqual(dagCbor.decode(await byLibp2p('ask', dagCbor.encode({ Miner: Uint8Array.of(0, 1) }))), { Ask: null });
});

test('more than fifty requests in a second are too many', (t) => {
  const limit = new RateLimit(50);
  const taken = (nowMs: number) => Array.from({ length: 60 }, () => limit.take(nowMs)).filter((one) => one).length;
  t.deepEqual([taken(5_000), taken(5_999), taken(6_000)], [50, 0, 50]);
});

test('addresses that are none can stand on the chain', async (t) => {
  const { devnet } = await dealing(t);
  const announced = ['bm9uc2Vuc2U=', ''];
  devnet.faults.provider('f01000', { announced });
  t.deepEqual((await resultOf<{ Multiaddrs: string[] }>(devnet, 'StateMinerInfo', ['f01000', []])).Multiaddrs, announced);
});
