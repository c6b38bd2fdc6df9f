import { setImmediate } from 'node:timers/promises';

import test, { type ExecutionContext } from 'ava';

import { devnetFor, type TestCar, writeTestCar } from '../../fixtures/create-devnet.ts';
import { createCarServer, type DealOptions, fundEscrow, httpCall, httpUrlOf, signedDeal } from '../../fixtures/create-mk12-client.ts';
import { bytesOf } from '../cids.ts';
import { createDevnet, type Devnet } from '../devnet.ts';
import type { Mk12Style } from '../provider.ts';
import { readDealParams } from './wire.ts';

async function dealing(t: ExecutionContext, mk12: Mk12Style): Promise<{ devnet: Devnet; car: TestCar }> {
  const devnet = await devnetFor(t, { providers: [{ mk12 }] });
  await fundEscrow(devnet);
  return { devnet, car: await writeTestCar(devnet.dir, 'one', [bytesOf('leaf', 400_000)]) };
}

async function propose(devnet: Devnet, options: Omit<DealOptions, 'provider'>): Promise<boolean> {
  const { request } = await signedDeal(devnet, { provider: 'f01000', ...options });
  return devnet.world.mk12.receive(devnet.world.providers.get('f01000'), readDealParams(request)).accepted;
}

for (const mk12 of ['boost', 'curio'] as const) {
  test(`${mk12} goes on where a transfer was broken off`, async (t) => {
    const { devnet, car } = await dealing(t, mk12);
    let broken = 0;
    const server = await createCarServer(t, car.bytes, (request, response) => {
      if (request.method === 'HEAD' || broken === 1) return false;
      broken += 1;
      const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
      const part = car.bytes.subarray(Number(from), to === '' ? undefined : Number(to) + 1);
      response.writeHead(request.headers.range === undefined ? 200 : 206, { 'content-length': part.length });
      response.write(part.subarray(0, 30_000), () => response.socket?.end());
      return true;
    });
    t.true(await propose(devnet, { url: server.url, car }));
    await devnet.advanceUntil(() => devnet.deals()[0]?.state === 'active', 40);
    t.is(devnet.deals()[0]?.mk12?.attempts, 2);
    // Less than the whole was asked for again.
    const again = server.requests.filter((one) => /^GET bytes=\d+-/.test(one)).map((one) => Number(/=(\d+)/.exec(one)?.[1]));
    const starts = new Set(mk12 === 'curio' ? [0] : [0, 1, 2, 3, 4].map((part) => part * Math.floor(car.bytes.length / 5)));
    t.true(
      again.some((from) => !starts.has(from)),
      `${server.requests}`,
    );
  });

  test(`a client error ends what ${mk12} has begun`, async (t) => {
    const { devnet, car } = await dealing(t, mk12);
    const server = await createCarServer(t, car.bytes, (request, response) => {
      if (request.method === 'HEAD') return false;
      response.writeHead(403).end();
      return true;
    });
    t.true(await propose(devnet, { url: server.url, car }));
    await devnet.advance(3);
    t.is(devnet.deals()[0]?.state, 'failed');
    t.regex(devnet.deals()[0]?.message ?? '', /^data-transfer failed: http req failed: code: 403/);
  });

  test(`${mk12} tries fifteen times`, async (t) => {
    const { devnet, car } = await dealing(t, mk12);
    const server = await createCarServer(t, car.bytes, (_request, response) => {
      response.writeHead(503).end();
      return true;
    });
    t.true(await propose(devnet, { url: server.url, car }));
    await devnet.advanceUntil(() => devnet.deals()[0]?.state === 'failed', 250);
    t.is(server.requests.length, 15);
    t.is(devnet.deals()[0]?.mk12?.attempts, 15);
  });

  test(`${mk12} keeps no bytes that are not those of the piece`, async (t) => {
    const { devnet, car } = await dealing(t, mk12);
    const other = Uint8Array.from(car.bytes);
    other[1_000] = (other[1_000] ?? 0) ^ 1;
    const server = await createCarServer(t, other);
    t.true(await propose(devnet, { url: server.url, car }));
    await devnet.advance(2);
    t.is(devnet.deals()[0]?.message, `proposal CommP doesn't match calculated CommP`);
  });

  test(`${mk12} sends along what it was told to send`, async (t) => {
    const { devnet, car } = await dealing(t, mk12);
    const server = await createCarServer(t, car.bytes, (request, response) => {
      if (request.headers.authorization === 'Bearer secret') return false;
      response.writeHead(401).end();
      return true;
    });
    t.true(await propose(devnet, { url: server.url, car, headers: { Authorization: 'Bearer secret' } }));
    await devnet.advanceUntil(() => devnet.deals()[0]?.state === 'active', 40);
    t.pass();
  });
}

test('Boost wants the exact length in the answer to a HEAD', async (t) => {
  const { devnet, car } = await dealing(t, 'boost');
  const server = await createCarServer(t, car.bytes, (request, response) => {
    if (request.method !== 'HEAD') return false;
    response.writeHead(200, { 'content-length': car.bytes.length + 1 }).end();
    return true;
  });
  t.true(await propose(devnet, { url: server.url, car }));
  await devnet.advance(2);
  t.is(devnet.deals()[0]?.state, 'waiting');
  t.deepEqual([...new Set(server.requests)], ['HEAD']);
});

test('Curio takes no credentials in a URL, and no header that is none of the client’s', async (t) => {
  const { devnet, car } = await dealing(t, 'curio');
  const server = await createCarServer(t, car.bytes);
  t.true(await propose(devnet, { url: server.url.replace('//', '//user:word@'), car }));
  t.true(await propose(devnet, { url: server.url, car, headers: { 'X-Forwarded-For': 'me' }, fields: { 6: 4_000 } }));
  await devnet.advance(1);
  t.deepEqual(
    devnet.deals().map(({ state }) => state),
    ['failed', 'failed'],
  );
  t.deepEqual(server.requests, []);
});

test('a transfer that is told to be never, or for ever, holds nothing up and ends with its start', async (t) => {
  for (const pull of ['never', 'forever'] as const) {
    const { devnet, car } = await dealing(t, 'boost');
    const server = await createCarServer(t, car.bytes);
    devnet.faults.provider('f01000', { pull });
    t.true(await propose(devnet, { url: server.url, car }));
    while (pull === 'forever' && server.requests.length === 0) await setImmediate();
    await devnet.advance(900);
    t.is(devnet.deals()[0]?.state, 'waiting');
    await devnet.advance(200);
    t.is(devnet.deals()[0]?.message, 'deal start epoch has already elapsed');
    t.is(server.requests.length, pull === 'never' ? 0 : 1);
  }
});

test('a provider that comes to its senses fetches after all', async (t) => {
  const { devnet, car } = await dealing(t, 'boost');
  const server = await createCarServer(t, car.bytes);
  devnet.faults.provider('f01000', { pull: 'forever' });
  t.true(await propose(devnet, { url: server.url, car }));
  await devnet.advance(5);
  devnet.faults.clear('f01000');
  await devnet.advanceUntil(() => devnet.deals()[0]?.state === 'active', 40);
  t.pass();
});

test('a deal that was refused is published all the same, and its provider knows nothing of it', async (t) => {
  const { devnet, car } = await dealing(t, 'boost');
  const server = await createCarServer(t, car.bytes);
  devnet.faults.provider('f01000', { refuse: 'no', publishAfterRefusal: true });
  const { request, uuid } = await signedDeal(devnet, { provider: 'f01000', url: server.url, car });
  const { mk12, providers } = devnet.world;
  t.deepEqual(mk12.receive(providers.get('f01000'), readDealParams(request)), { accepted: false, message: 'no' });
  await devnet.advanceUntil(() => devnet.truth().deals[0]?.dealId !== null, 40);
  const signature = { type: 1, data: new Uint8Array(65) };
  t.regex(mk12.status(providers.get('f01000'), uuid, signature).error, /^no storage deal found/);
});

test('what is wrong with the bytes that come back', async (t) => {
  const { devnet, car } = await dealing(t, 'curio');
  const server = await createCarServer(t, car.bytes);
  t.true(await propose(devnet, { url: server.url, car }));
  const url = `${await httpUrlOf(devnet, 'f01000')}/ipfs/${car.root}?format=car`;
  t.is((await httpCall(url, 'GET')).status, 404);
  await devnet.advanceUntil(() => devnet.deals()[0]?.state === 'active', 40);
  const piece = url.replace(/ipfs.*/, `piece/${devnet.deals()[0]?.proposal.pieceCid}`);
  devnet.faults.provider('f01000', { corruptBytes: true });
  const corrupt = await httpCall(url, 'GET');
  t.is(corrupt.body.length, car.bytes.length);
  t.notDeepEqual(Buffer.from(corrupt.body), Buffer.from(car.bytes));
  t.notDeepEqual(Buffer.from((await httpCall(piece, 'GET')).body.subarray(0, car.bytes.length)), Buffer.from(car.bytes));
  devnet.faults.clear('f01000');
  devnet.faults.provider('f01000', { gateway: 'empty' });
  t.deepEqual([(await httpCall(url, 'GET')).status, (await httpCall(url, 'GET')).body.length], [200, 0]);
  devnet.faults.provider('f01000', { gateway: 'denied' });
  t.is((await httpCall(url, 'GET')).status, 410);
  t.deepEqual(Buffer.from((await httpCall(piece, 'GET')).body.subarray(0, car.bytes.length)), Buffer.from(car.bytes));
  devnet.faults.clear('f01000');
  devnet.faults.provider('f01000', { loseBytes: true });
  t.is((await httpCall(url, 'GET')).status, 404);
  devnet.faults.provider('f01000', { dead: true });
  await t.throwsAsync(httpCall(url, 'GET'));
});

test('a transfer goes on after a restart of the network', async (t) => {
  const { dir } = await devnetFor(t);
  const first = await createDevnet({ dir, providers: [{ mk12: 'boost' }] });
  await fundEscrow(first);
  const car = await writeTestCar(dir, 'one', [bytesOf('leaf', 90_000)]);
  const server = await createCarServer(t, car.bytes);
  first.faults.provider('f01000', { pull: 'never' });
  t.true(await propose(first, { url: server.url, car }));
  await first.stop();
  const second = await createDevnet({ dir, providers: [{ mk12: 'boost' }] });
  t.teardown(() => second.stop());
  await second.advanceUntil(() => second.deals()[0]?.state === 'active', 40);
  t.is(second.deals()[0]?.mk12?.attempts, 1);
});
