import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';

import { fc, testProp } from '@fast-check/ava';
import test, { type ExecutionContext } from 'ava';
import { PieceGates } from '../../api/piece-gates.ts';
import { spanOf } from '../../api/piece-range.ts';
import { createTransferSigner, createTransfers } from '../../api/piece-tokens.ts';
import type { PieceTransfers } from '../../api/pieces.ts';
import type { Api } from '../../api/server.ts';
import { createPieceWorks } from '../../daemon/cold/pieces/works.ts';
import { PieceError, type PieceReader } from '../../daemon/domain/cold-ports.ts';
import type { Deal, DealState } from '../../daemon/domain/deal.ts';
import type { BuiltPiece } from '../../daemon/domain/piece.ts';
import { createLog, type Log } from '../../daemon/log.ts';
import { createTestApi } from '../fixtures/create-api.ts';
import { createDeal } from '../fixtures/create-cold-records.ts';
import { createDag, createMemoryBlocks, type MemoryBlocks } from '../fixtures/create-dag.ts';
import { createTempDir } from '../fixtures/create-kubo.ts';
import { hashPool } from '../fixtures/hash-pool.ts';
import { memory } from '../fixtures/memory.ts';
import { pieceDirs } from '../fixtures/piece-dirs.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom } from '../fixtures/random.ts';
import { openSocket } from '../fixtures/raw-http.ts';

const never = new AbortController().signal;
const SECRET = randomBytes(32);

interface World {
  url: string;
  path: string;
  headers: Record<string, string>;
  deals: Map<string, Deal>;
  deal: Deal;
  blocks: MemoryBlocks;
  car: Buffer;
  servedBytes: number;
  api: Api;
  said: { level: string; fields: Record<string, unknown>; text: string }[];
}

interface Options {
  zeros?: number;
  seed?: number;
  leafBytes?: number;
  over?: Partial<PieceTransfers>;
  /** In place of the bytes of the piece. */
  reader?: (carSizeBytes: number) => PieceReader | undefined;
}

/** The API over a piece of some contents and one deal about it. */
async function create(t: ExecutionContext, { zeros = 1_000, seed = 1, leafBytes = 20_000, over, reader }: Options = {}): Promise<World> {
  const temp = await createTempDir(t);
  const blocks = createMemoryBlocks();
  const dirs = pieceDirs(temp);
  const works = createPieceWorks({ ...dirs, keepsFiles: false, blocks, pool: hashPool, maxPieceBytes: 2 ** 30, log: createLog('silent') });
  t.teardown(() => works.close());
  const members = [];
  for (let i = 0; i < 3; i++)
    members.push({ contentKey: (await createDag(blocks, createRandom(seed).fork(i), { leafBytes })).contentKey, sizeBytes: 1 });
  const deal = createDeal(1, { state: 'proposed' });
  const built = await works.build(deal.pieceId, members, never);
  const car = await bytesOf(await works.open({ ...built, id: deal.pieceId }));
  const deals = new Map([[deal.id, deal]]);
  const signer = createTransferSigner(SECRET);
  const said: World['said'] = [];
  const { url, api } = await createTestApi(t, {
    log: listening(said),
    transfers: {
      deals: {
        deal: async (id) => versioned(deals.get(id)),
        built: async (id) => (id === deal.pieceId ? built : undefined),
      },
      bytes: { open: (piece) => (reader === undefined ? works.open(piece) : Promise.resolve(reader(built.carSizeBytes))) },
      signer,
      ...over,
    },
  });
  const servedBytes = car.length + zeros;
  const offer = createTransfers(signer, () => url).offer(deal.id, { ...built, id: deal.pieceId }, servedBytes);
  t.is(offer.sizeBytes, servedBytes);
  const { pathname } = new URL(offer.url);
  return { url, path: pathname, headers: offer.headers, deals, deal, blocks, car, servedBytes, api, said };
}

/** With the zeros. */
function wholeOf({ car, servedBytes }: World): Buffer {
  return Buffer.concat([car, Buffer.alloc(servedBytes - car.length)]);
}

function versioned(value: Deal | undefined) {
  return value === undefined ? undefined : { value, version: 1 };
}

async function bytesOf(reader: PieceReader | undefined): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(reader?.read(0, reader.carSizeBytes, never) ?? []));
}

function listening(said: World['said']): Log {
  const log = createLog('silent');
  for (const level of ['error', 'warn', 'info', 'debug'] as const)
    log[level] = ((fields: Record<string, unknown>, text: string) => said.push({ level, fields, text })) as unknown as Log['info'];
  return log;
}

function ask(world: World, headers: Record<string, string> = {}, method = 'GET', path = world.path): Promise<Response> {
  return fetch(world.url + path, { method, headers: { ...world.headers, ...headers } });
}

test.serial('what was sent is not kept', async (t) => {
  let isGivenBack = false;
  const world = await create(t, {
    zeros: 64_000_000,
    reader: () => ({
      carSizeBytes: 64_000_000,
      async *read() {
        const before = memory();
        for (let i = 0; i < 320; i++) yield Buffer.alloc(200_000, 1);
        // What was collected is given back a little later, by another thread.
        await poll('64 MB are given back', 20_000, () => memory() - before < 20_000_000);
        isGivenBack = true;
      },
    }),
  });
  for await (const _ of (await ask(world)).body ?? []);
  t.true(isGivenBack);
});

test('a HEAD has the exact length, also where a GET would not have the bytes yet', async (t) => {
  for (const reader of [undefined, () => undefined]) {
    const world = await create(t, reader === undefined ? {} : { reader });
    const { status, headers } = await ask(world, {}, 'HEAD');
    t.is(status, 200);
    t.is(headers.get('content-length'), String(world.servedBytes));
    t.is(headers.get('accept-ranges'), 'bytes');
    t.is(headers.get('content-type'), 'application/vnd.ipld.car');
    t.is(headers.get('cache-control'), 'no-store, no-transform');
  }
});

test('the whole is the CAR, and zeros behind it', async (t) => {
  for (const zeros of [0, 1, 700_000]) {
    const world = await create(t, { zeros });
    const reply = await ask(world);
    t.is(reply.status, 200);
    t.is(reply.headers.get('content-length'), String(world.servedBytes));
    t.true(Buffer.from(await reply.arrayBuffer()).equals(wholeOf(world)));
  }
});

test('five ranges at once that overlap by a byte, the last one past the end, make the whole, as Boost asks for them', async (t) => {
  const world = await create(t, { leafBytes: 200_000 });
  const size = world.servedBytes;
  const chunk = Math.floor(size / 5);
  const parts = await Promise.all(
    [0, 1, 2, 3, 4].map(async (i) => {
      const [from, to] = [i * chunk, i === 4 ? size : (i + 1) * chunk];
      const reply = await ask(world, { Range: `bytes=${from}-${to}` });
      t.is(reply.status, 206);
      t.is(reply.headers.get('content-range'), `bytes ${from}-${Math.min(to, size - 1)}/${size}`);
      t.is(reply.headers.get('content-length'), String(Math.min(to + 1, size) - from));
      return Buffer.from(await reply.arrayBuffer()).subarray(0, to - from);
    }),
  );
  t.true(Buffer.concat(parts).equals(wholeOf(world)));
});

test('a range that begins at or behind the end is a 416 that says how long it is', async (t) => {
  const world = await create(t);
  for (const from of [world.servedBytes, world.servedBytes + 1, 2 ** 52]) {
    const reply = await ask(world, { Range: `bytes=${from}-` });
    t.is(reply.status, 416);
    t.is(reply.headers.get('content-range'), `bytes */${world.servedBytes}`);
  }
});

test('a range counts only for the bytes that it was meant for', async (t) => {
  const world = await create(t);
  const etag = (await ask(world, {}, 'HEAD')).headers.get('etag') ?? '';
  t.is((await ask(world, { Range: 'bytes=0-9', 'If-Range': etag })).status, 206);
  t.is((await ask(world, { Range: 'bytes=0-9', 'If-Range': '"other"' })).status, 200);
});

testProp(
  'any range is what the whole has there',
  [fc.nat(1_000), fc.nat(), fc.option(fc.nat(2_000), { nil: undefined })],
  (t, size, from, length) => {
    const span = spanOf(`bytes=${from % 1_200}-${length === undefined ? '' : (from % 1_200) + length}`, size);
    const first = from % 1_200;
    t.deepEqual(span, first >= size ? 'none' : { from: first, to: length === undefined ? size : Math.min(size, first + length + 1) });
  },
);

test('ranges in every form', (t) => {
  for (const [header, span] of [
    [undefined, undefined],
    ['bytes=-10', { from: 90, to: 100 }],
    ['bytes=-1000', { from: 0, to: 100 }],
    ['bytes=-0', 'none'],
    ['Bytes = 5 - 6', { from: 5, to: 7 }],
    ['bytes=0-100', { from: 0, to: 100 }],
    ['bytes=99-99999999999999999999', { from: 99, to: 100 }],
    ['bytes=0-1,3-4', undefined],
    ['bytes=6-5', undefined],
    ['bytes=-', undefined],
    ['bytes=a-b', undefined],
    ['pages=1-2', undefined],
  ] as const)
    t.deepEqual(spanOf(header, 100), span, header ?? 'none');
});

test('without a token, with another one, and for another size nothing is given out', async (t) => {
  const world = await create(t);
  const { path, headers } = world;
  t.is((await fetch(world.url + path)).status, 401);
  t.is((await fetch(world.url + path, { method: 'HEAD' })).status, 401);
  t.is((await ask(world, { Authorization: 'Basic abc' })).status, 401);
  t.is((await ask(world, { Authorization: `${headers.Authorization}x` })).status, 403);
  t.is((await ask(world, { Authorization: (headers.Authorization ?? '').slice(0, -1) })).status, 403);
  t.is(
    (
      await ask(
        world,
        {},
        'GET',
        path.replace(/\d+$/, (size) => String(Number(size) + 1)),
      )
    ).status,
    403,
  );
  t.is((await ask(world, {}, 'GET', path.replace(world.deal.id, createDeal(2).id))).status, 403);
  t.is((await ask(world, {}, 'GET', `${path}e1`)).status, 403);
  t.is((await ask(world, {}, 'POST')).status, 401, 'nothing but GET and HEAD, and strangers do not learn that');
  const others = createTransfers(createTransferSigner(randomBytes(32)), () => world.url);
  const forged = others.offer(world.deal.id, { carSizeBytes: 1 } as BuiltPiece & { id: string }, world.servedBytes);
  t.is((await ask(world, forged.headers)).status, 403);
});

test('a good token of a deal that is not there is a 404; a piece cannot be offered with less than it has', async (t) => {
  const world = await create(t);
  world.deals.clear();
  t.is((await ask(world)).status, 404);
  const transfers = createTransfers(createTransferSigner(SECRET), () => '');
  t.throws(() => transfers.offer('x', { carSizeBytes: 100 } as BuiltPiece & { id: string }, 99), { instanceOf: RangeError });
});

test('the same deal has the same offer each time', (t) => {
  const offers = [1, 2].map(() =>
    createTransfers(createTransferSigner(SECRET), () => 'https://pins.example.org').offer(
      'x',
      { carSizeBytes: 5 } as BuiltPiece & { id: string },
      7,
    ),
  );
  t.deepEqual(offers[0], offers[1]);
  t.is(offers[0]?.url, 'https://pins.example.org/v1/pieces/x/7');
});

test('until the deal has started or is over its piece is given out, and then no more', async (t) => {
  const world = await create(t);
  const states: readonly [DealState, number][] = [
    ['intended', 200],
    ['proposed', 200],
    ['accepted', 200],
    ['published', 200],
    ['active', 410],
    ['expired', 410],
    ['rejected', 410],
    ['failed', 410],
    ['missed', 410],
    ['lost', 410],
  ];
  for (const [state, status] of states) {
    world.deals.set(world.deal.id, { ...world.deal, state });
    const reply = await ask(world);
    t.is(reply.status, status, state);
    if (status === 410) t.like(await reply.json(), { error: { reason: 'TRANSFER_OVER' } });
    else await reply.arrayBuffer();
  }
});

test('bytes that are not at hand are a 503, which providers take for a reason to try again', async (t) => {
  const world = await create(t, { reader: () => undefined });
  const reply = await ask(world);
  t.is(reply.status, 503);
  t.is(reply.headers.get('retry-after'), '30');
  t.is(reply.headers.get('content-type'), 'application/json; charset=utf-8');
  t.like(world.said.find(({ level }) => level === 'warn')?.fields, {
    deal: world.deal.id,
    piece: world.deal.pieceId,
    provider: world.deal.provider,
  });
});

test('a block that is gone breaks the connection, and is said with deal, piece and provider', async (t) => {
  const world = await create(t, { leafBytes: 200_000 });
  const largest = [...world.blocks.bytes].toSorted(([, a], [, b]) => b.length - a.length)[0]?.[0] ?? '';
  world.blocks.bytes.delete(largest);
  const reply = await ask(world);
  t.is(reply.status, 200);
  await t.throwsAsync(reply.arrayBuffer());
  const error = world.said.find(({ level }) => level === 'error');
  t.like(error?.fields, { deal: world.deal.id, piece: world.deal.pieceId, provider: world.deal.provider });
  t.true(error?.fields.err instanceof PieceError);
  t.is((await ask(world, {}, 'HEAD')).status, 200, 'the next request is answered');
});

/** Bytes without end, or none at all. */
function endless(hasBytes: boolean): (carSizeBytes: number) => PieceReader {
  return () => ({
    carSizeBytes: 2 ** 40,
    async *read(_from, _to, signal) {
      if (!hasBytes) await once(signal, 'abort');
      for (;;) yield Buffer.alloc(64 * 1024);
    },
  });
}

test('a reader that takes nothing any more is cut off; meanwhile others are served, and little is read ahead of it', async (t) => {
  let parts = 0;
  const world = await create(t, {
    zeros: 2 ** 34,
    over: { stallMs: 300 },
    reader: (carSizeBytes) => ({
      carSizeBytes,
      async *read() {
        for (; ; parts++) yield Buffer.alloc(256 * 1024);
      },
    }),
  });
  const socket = openSocket(world.url);
  socket.write(`GET ${world.path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${world.headers.Authorization}\r\n\r\n`);
  await once(socket, 'readable');
  t.is((await ask(world, {}, 'HEAD')).status, 200);
  await poll('the reader is cut off', 20_000, () => world.said.some(({ text }) => text.includes('took nothing any more')));
  t.true(parts < 200, `${parts} parts of 256 KiB were read for a reader that takes none`);
  socket.destroy();
});

test('a source that gives nothing breaks the connection', async (t) => {
  const world = await create(t, { over: { stallMs: 200 }, reader: endless(false) });
  await t.throwsAsync(async () => (await ask(world)).arrayBuffer());
  t.true(world.said.some(({ level, text }) => level === 'error' && text.includes('broke off')));
});

test('who leaves in the middle is not said to be a failure', async (t) => {
  const world = await create(t, { reader: endless(true), zeros: 2 ** 30 });
  const call = request(world.url + world.path, { headers: world.headers }).end();
  const [reply] = await once(call, 'response');
  await once(reply, 'data');
  call.on('error', () => undefined).destroy();
  await poll('the server has noticed', 10_000, () => world.said.some(({ fields }) => fields.end === 'left'));
  t.deepEqual(
    world.said.filter(({ level }) => level !== 'debug'),
    [],
  );
});

test('many connections of one deal: the oldest makes room', async (t) => {
  const world = await create(t, { reader: endless(true), zeros: 2 ** 30 });
  const sockets = Array.from({ length: 8 }, () => openSocket(world.url));
  const closed: number[] = [];
  for (const [index, socket] of sockets.entries()) {
    socket.on('close', () => closed.push(index));
    socket.write(`GET ${world.path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${world.headers.Authorization}\r\n\r\n`);
    await once(socket, 'readable');
  }
  const ninth = await ask(world);
  t.is(ninth.status, 200);
  // What the kernel has for it comes first.
  sockets[0]?.resume();
  await poll('the first is closed', 10_000, () => closed.includes(0));
  t.deepEqual(closed, [0]);
  await ninth.body?.cancel();
  for (const socket of sockets) socket.destroy();
});

test('gates: one provider does not take the place of all, and a piece is not fetched for ever', (t) => {
  const gates = new PieceGates({ perDeal: 2, perProvider: 3, all: 5, timesOver: 2 });
  const enter = (dealId: string, provider: string) => gates.enter({ dealId, provider, pieceBytes: 2 ** 30, cut: () => undefined });
  const first = enter('a', 'f01');
  enter('a', 'f01');
  enter('b', 'f01');
  t.throws(() => enter('c', 'f01'), { message: /too many/ });
  t.notThrows(() => enter('a', 'f01'), 'its own oldest makes room');
  enter('d', 'f02');
  enter('d', 'f02');
  t.throws(() => enter('e', 'f03'), { message: /too many/ });
  first.leave();
  t.is(gates.running, 5);
  first.sent(2 ** 31);
  t.notThrows(() => enter('a', 'f01'));
  first.sent(1);
  t.throws(() => enter('a', 'f01'), { message: /more than 2 times over/ });
});

test('when the API closes, transfers end at once', async (t) => {
  const world = await create(t, { reader: endless(true), zeros: 2 ** 30 });
  const socket = openSocket(world.url);
  socket.write(`GET ${world.path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${world.headers.Authorization}\r\n\r\n`);
  await once(socket, 'readable');
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await world.api.close();
  socket.resume();
  await closed;
  t.deepEqual(
    world.said.flatMap(({ fields }) => fields.end ?? []),
    ['cut'],
  );
});

test('a request on a kept connection goes on behind a transfer', async (t) => {
  const world = await create(t, { zeros: 0 });
  const socket = openSocket(world.url);
  const head = `HTTP/1.1\r\nHost: x\r\nAuthorization: ${world.headers.Authorization}\r\n`;
  socket.write(`GET ${world.path} ${head}Range: bytes=0-9\r\n\r\nHEAD ${world.path} ${head}Connection: close\r\n\r\n`);
  const all = await text(socket);
  t.is(all.match(/HTTP\/1\.1 206/g)?.length, 1);
  t.is(all.match(/HTTP\/1\.1 200/g)?.length, 1);
});
