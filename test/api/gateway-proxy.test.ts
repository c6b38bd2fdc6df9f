import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import test from 'ava';
import { pino } from 'pino';

import { RetrievalError } from '../../daemon/domain/retrieval-ports.ts';
import { createTestGateway, read } from '../fixtures/create-gateway.ts';
import { createTestMetering, totalOf } from '../fixtures/create-metering.ts';
import { createContentKey } from '../fixtures/create-pins.ts';
import { createTestStore } from '../fixtures/create-store.ts';
import { poll } from '../fixtures/poll.ts';
import { openSocket, parseReply, readAll, sendRaw } from '../fixtures/raw-http.ts';

/** What is waited for is not over before the test is, however slow the machine. */
const PATIENT = { firstByteTimeoutMs: 600_000, stallTimeoutMs: 600_000 };
const BROKEN = { message: /aborted|ECONNRESET|socket hang up/ };

test('the tier sees what it needs of the request, and no secret', async (t) => {
  const { url, alice, pin, tier } = await createTestGateway(t);
  const key = await pin(alice, 1);
  await read(url, `/ipfs/${key}`, {
    headers: {
      ...alice.headers,
      Accept: 'application/vnd.ipld.raw',
      Range: 'bytes=0-4',
      'If-None-Match': '"x"',
      'User-Agent': 'test',
      Cookie: 'a=b',
      Host: 'localhost',
      'X-Forwarded-Host': 'evil.example',
      'Cache-Control': 'only-if-cached',
      'Accept-Encoding': 'gzip',
    },
  });
  t.deepEqual(tier.requests[0]?.headers, {
    accept: 'application/vnd.ipld.raw',
    connection: 'keep-alive',
    host: '127.0.0.1',
    'if-none-match': '"x"',
    range: 'bytes=0-4',
    'user-agent': 'test',
  });
});

test('the reader sees what belongs to the content, under headers that keep a page from doing anything', async (t) => {
  const { url, alice, pin, tier } = await createTestGateway(t);
  const key = await pin(alice, 1);
  tier.answer = (_req, res) => {
    res.writeHead(200, {
      'Content-Type': 'text/html',
      'Content-Length': 2,
      'Cache-Control': 'public, max-age=29030400, immutable',
      Etag: '"x"',
      'X-Ipfs-Path': '/ipfs/x',
      'X-Ipfs-Roots': key,
      'Access-Control-Allow-Origin': '*',
      'Set-Cookie': 'a=b',
      'Content-Location': 'https://evil.example/',
      Server: 'x',
      Link: '<x>',
    });
    res.end('ok');
  };
  const { headers } = await read(url, `/ipfs/${key}`, { headers: alice.headers });
  t.deepEqual(Object.keys(headers).sort(), [
    'cache-control',
    'connection',
    'content-length',
    'content-security-policy',
    'content-type',
    'cross-origin-resource-policy',
    'date',
    'etag',
    'referrer-policy',
    'vary',
    'x-content-type-options',
    'x-ipfs-path',
    'x-ipfs-roots',
  ]);
  t.is(headers['cache-control'], 'private, max-age=29030400, immutable');
  t.is(headers.vary, 'Accept, Authorization');
  t.regex(String(headers['content-security-policy']), /^sandbox; default-src 'none'/);
  t.is(headers['x-content-type-options'], 'nosniff');
});

test('only what the public gets may be kept by caches that are shared, and read by pages of any origin', async (t) => {
  const { url, alice, pin } = await createTestGateway(t, { isPublic: true, cors: { origins: ['*'] } });
  const key = await pin(alice, 1);
  const page = { Origin: 'https://app.example' };
  const everybody = await read(url, `/ipfs/${key}`, { headers: page });
  t.is(everybody.headers['cache-control'], 'public, max-age=29030400, immutable');
  t.is(everybody.headers.vary, 'Accept');
  t.is(everybody.headers['access-control-allow-origin'], '*');
  const one = await read(url, `/ipfs/${key}`, { headers: { ...page, ...alice.headers } });
  t.is(one.headers['cache-control'], 'private, max-age=29030400, immutable');
  const preflight = await read(url, `/ipfs/${key}`, { method: 'OPTIONS', headers: { ...page, 'Access-Control-Request-Method': 'GET' } });
  t.is(preflight.status, 204);
  t.regex(String(preflight.headers['access-control-allow-headers']), /Range/);
});

test('what the tier refuses is refused in our shape, with its sentence', async (t) => {
  const { url, alice, pin, tier } = await createTestGateway(t);
  const key = await pin(alice, 1);
  const headers = alice.headers;
  for (const [status, expected] of [
    [400, '400 BAD_REQUEST'],
    [404, '404 NOT_FOUND'],
    [406, '406 NOT_ACCEPTABLE'],
    [416, '416 RANGE_NOT_SATISFIABLE'],
    [401, '502 BAD_GATEWAY'],
    [500, '502 BAD_GATEWAY'],
  ] as const) {
    tier.answer = (_req, res) => res.writeHead(status, { 'Content-Range': 'bytes */7' }).end('no link named "x"\nunder y\n');
    const reply = await read(url, `/ipfs/${key}/x`, { headers });
    t.is(`${reply.status} ${reply.reason}`, expected);
    t.is(reply.details, 'no link named "x" under y');
    t.is(reply.headers['cache-control'], 'no-store');
    if (status === 416) t.is(reply.headers['content-range'], 'bytes */7');
  }
});

test('the one redirect is to a directory with its slash, and keeps the query', async (t) => {
  const { url, alice, pin, tier } = await createTestGateway(t);
  const key = await pin(alice, 1);
  tier.answer = (req, res) => res.writeHead(301, { Location: `${req.url?.split('?')[0]}/?format=` }).end('<a>');
  const reply = await read(url, `/ipfs/${key}/a%20(b)?format=&expires=1`, { headers: alice.headers });
  t.is(reply.status, 301);
  t.is(reply.headers.location, `/ipfs/${key}/a%20(b)/?format=&expires=1`);
  t.is(reply.text, '');
  for (const location of [`/ipfs/${key}/b/`, 'https://evil.example/', `//evil.example/ipfs/${key}/a/`, `/ipns/x/`, '', '%zz']) {
    tier.answer = (_req, res) => res.writeHead(302, { Location: location }).end();
    t.is((await read(url, `/ipfs/${key}/a`, { headers: alice.headers })).status, 502, location);
  }
});

test('a tier that does not say what a path led to is not believed', async (t) => {
  const { url, alice, pin, tier } = await createTestGateway(t);
  const key = await pin(alice, 1);
  tier.answer = (_req, res) => res.writeHead(200, { 'Content-Length': 5, 'X-Ipfs-Roots': `${key},zzz` }).end('hello');
  t.is((await read(url, `/ipfs/${key}/a`, { headers: alice.headers })).reason, 'BAD_GATEWAY');
});

test('a body that does not say where it ends is not passed on', async (t) => {
  const { url, alice, pin, tier } = await createTestGateway(t);
  const key = await pin(alice, 1);
  tier.answer = (req) => req.socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhel');
  t.is((await read(url, `/ipfs/${key}`, { headers: alice.headers })).reason, 'BAD_GATEWAY');
});

const PARTS: Readonly<Record<string, (res: ServerResponse) => void>> = {
  'a length that is not reached': (res) => {
    res.writeHead(200, { 'Content-Length': 10 }).write('hello');
    setTimeout(() => res.socket?.end(), 20);
  },
  'chunks without an end': (res) => {
    res.write('hello');
    setTimeout(() => res.socket?.end(), 20);
  },
  'a reset': (res) => {
    res.writeHead(200, { 'Content-Length': 10 }).write('hello');
    setTimeout(() => res.socket?.destroy(), 20);
  },
  'chunks that are none': (res) => {
    res.write('hello');
    setTimeout(() => res.socket?.write('garbage\r\n'), 20);
  },
  'an error in a trailer': (res) => {
    res.writeHead(200, { Trailer: 'X-Stream-Error' });
    res.write('hello');
    res.addTrailers({ 'X-Stream-Error': 'a block is missing' });
    res.end();
  },
  'a silence': (res) => {
    res.writeHead(200, { 'Content-Length': 10 }).write('hello');
  },
};

for (const [what, answer] of Object.entries(PARTS)) {
  test(`after the first byte, ${what} is a broken connection and never a short reply`, async (t) => {
    const { url, alice, pin, tier, served, retrieval } = await createTestGateway(t, { stallTimeoutMs: 300, firstByteTimeoutMs: 600 });
    const key = await pin(alice, 1);
    tier.answer = (_req, res) => answer(res);
    await t.throwsAsync(read(url, `/ipfs/${key}`, { headers: alice.headers }), BROKEN);
    // Without chunks an orderly end would be the end of the body.
    const old = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
    old.write(`GET /ipfs/${key} HTTP/1.0\r\nAuthorization: ${alice.headers.Authorization}\r\n\r\n`);
    old.resume();
    await t.throwsAsync(once(old, 'end'), { code: 'ECONNRESET' });
    await poll('both are counted', 10_000, () => served.length === 2);
    t.like(served[0], { bytes: 5, responses: 1, contentKey: key });
    t.true(retrieval.readings.every(({ released }) => released > 0));
  });
}

test('a reader that leaves takes the request to the tier along', async (t) => {
  const { url, alice, pin, tier, retrieval, cold } = await createTestGateway(t);
  const [hot, lost] = [await pin(alice, 1), await pin(alice, 2)];
  cold.add(lost);
  tier.answer = (req, res) => {
    if (req.url?.includes(hot)) res.writeHead(200, { 'Content-Length': 10 }).write('hello');
  };
  for (const key of [hot, lost]) {
    const socket = openSocket(url);
    socket.write(`GET /ipfs/${key} HTTP/1.1\r\nHost: x\r\nAuthorization: ${alice.headers.Authorization}\r\n\r\n`);
    await poll('it was asked for', 10_000, () => tier.requests.some((one) => one.url.includes(key)));
    if (key === hot) await once(socket, 'data');
    socket.destroy();
  }
  await poll('no connection is left', 10_000, () => tier.sockets.size === 0);
  await poll('the reading was released', 10_000, () => retrieval.readings.length === 1);
  t.is(retrieval.readings[0]?.released, 1);
});

test('a reader that takes nothing is cut off, and what waits for it in memory is bounded', async (t) => {
  const { url, alice, pin, tier, served } = await createTestGateway(t, { stallTimeoutMs: 300 });
  const key = await pin(alice, 1);
  const sizeBytes = 200 * 2 ** 20;
  let sentBytes = 0;
  tier.answer = (_req, res) => {
    res.writeHead(200, { 'Content-Length': sizeBytes });
    const chunk = Buffer.alloc(2 ** 20);
    const more = (): void => {
      if (sentBytes >= sizeBytes || res.destroyed) return;
      sentBytes += chunk.length;
      res.write(chunk, more);
    };
    more();
  };
  const socket = openSocket(url);
  socket.write(`GET /ipfs/${key} HTTP/1.1\r\nHost: x\r\nAuthorization: ${alice.headers.Authorization}\r\n\r\n`);
  await once(socket, 'readable');
  await poll('it is cut off', 5_000, () => tier.sockets.size === 0);
  t.true(sentBytes < 64 * 2 ** 20, `${sentBytes} bytes were read ahead`);
  await poll('it is counted', 10_000, () => served.length === 1);
  t.true((served[0]?.bytes ?? 0) < sentBytes);
  socket.destroy();
});

test('a reply that stands in line behind one that is not taken goes with it', async (t) => {
  const { url, alice, pin, tier, served } = await createTestGateway(t, { stallTimeoutMs: 300 });
  const key = await pin(alice, 1);
  const body = Buffer.alloc(8 * 2 ** 20);
  tier.answer = (_req, res) => res.writeHead(200, { 'Content-Length': body.length }).end(body);
  const socket = openSocket(url);
  const request = `GET /ipfs/${key} HTTP/1.1\r\nHost: x\r\nAuthorization: ${alice.headers.Authorization}\r\n\r\n`;
  socket.write(request + request + request);
  await once(socket, 'readable');
  await poll('nothing is asked of the tier any more', 5_000, () => tier.requests.length === 3 && tier.sockets.size === 0);
  await poll('all are counted', 10_000, () => served.length === 3);
  t.true(served.every(({ bytes }) => bytes < body.length));
  socket.destroy();
});

test('a slow reader is not cut off as long as it reads', async (t) => {
  const { url, alice, pin, tier } = await createTestGateway(t, { stallTimeoutMs: 1_500 });
  const key = await pin(alice, 1);
  const body = Buffer.alloc(12 * 2 ** 20, 'x');
  tier.answer = (_req, res) => res.writeHead(200, { 'Content-Length': body.length }).end(body);
  const socket = openSocket(url);
  socket.write(`GET /ipfs/${key} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${alice.headers.Authorization}\r\n\r\n`);
  let receivedBytes = 0;
  socket.on('data', (chunk: Buffer) => {
    receivedBytes += chunk.length;
    socket.pause();
    setTimeout(() => socket.resume(), 12);
  });
  await once(socket, 'end');
  t.true(receivedBytes > body.length);
});

test('a cold content is fetched while the tier is asked for it, and its bytes count as cold', async (t) => {
  const { url, alice, pin, tier, retrieval, cold, served } = await createTestGateway(t);
  const key = await pin(alice, 1);
  cold.add(key);
  t.is((await read(url, `/ipfs/${key}`, { headers: alice.headers })).text, 'hello');
  t.like(retrieval.readings[0], { contentKey: key, mode: 'whole', released: 1 });
  t.deepEqual(retrieval.noted, [key]);
  t.deepEqual(served, [{ accountId: alice.account.id, contentKey: key, source: 'cold', bytes: 5, responses: 1 }]);
  t.is((await read(url, `/ipfs/${key}`, { method: 'HEAD', headers: alice.headers })).headers['content-length'], '5');
  t.like(retrieval.readings[1], { mode: 'blocks', released: 1 });
  tier.answer = (_req, res) => res.writeHead(304).end();
  t.is((await read(url, `/ipfs/${key}`, { headers: { ...alice.headers, 'If-None-Match': '"x"' } })).status, 304);
  t.deepEqual(retrieval.noted, [key], 'heads and what is known already are no reads');
  t.is(served.length, 1);
});

for (const [failure, expected, retryAfter] of [
  ['none', '502 NO_SOURCE', undefined],
  ['busy', '503 UNAVAILABLE', '10'],
  ['down', '503 UNAVAILABLE', '5'],
] as const) {
  test(`a cold content that cannot be had (${failure}) is a ${expected}, with the reason`, async (t) => {
    const { url, alice, pin, tier, retrieval, cold } = await createTestGateway(t);
    const key = await pin(alice, 1);
    cold.add(key);
    tier.answer = () => undefined;
    const waiting = read(url, `/ipfs/${key}`, { headers: alice.headers });
    await poll('it is fetched', 10_000, () => retrieval.readings.length === 1);
    retrieval.readings[0]?.fail(new RetrievalError(failure, 'f01000 and f01001 do not answer'));
    const reply = await waiting;
    t.is(`${reply.status} ${reply.reason}`, expected);
    t.is(reply.details, 'f01000 and f01001 do not answer');
    t.is(reply.headers['retry-after'], retryAfter);
    t.is(retrieval.readings[0]?.released, 1);
    await poll('the tier is asked no more', 10_000, () => tier.sockets.size === 0);
  });
}

test('a cold content whose last source fails in the middle is broken off then, and the log says why', async (t) => {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  // Were it for the stall timeout, the test would be over first.
  const { url, alice, pin, tier, retrieval, cold } = await createTestGateway(t, {
    log,
    stallTimeoutMs: 600_000,
    firstByteTimeoutMs: 600_000,
  });
  const key = await pin(alice, 1);
  cold.add(key);
  tier.answer = (_req, res) => res.writeHead(200, { 'Content-Length': 10 }).write('hello');
  const socket = openSocket(url);
  socket.write(`GET /ipfs/${key} HTTP/1.1\r\nHost: x\r\nAuthorization: ${alice.headers.Authorization}\r\n\r\n`);
  await once(socket, 'data');
  retrieval.readings[0]?.fail(new RetrievalError('none', 'no source gives it: f01000: it lies'));
  await t.throwsAsync(once(socket, 'end'), { code: 'ECONNRESET' });
  t.like(JSON.parse(lines.join('')), {
    msg: 'a reply broke off',
    why: 'nothing more came: no source gives it: f01000: it lies',
    reason: 'NO_SOURCE',
    source: 'cold',
  });
});

test('what is here already of a cold content is read to its end, also when the rest is not to be had', async (t) => {
  const { url, alice, pin, tier, retrieval, cold } = await createTestGateway(t);
  const key = await pin(alice, 1);
  cold.add(key);
  const body = Buffer.alloc(12 * 2 ** 20, 'x');
  tier.answer = (_req, res) => res.writeHead(206, { 'Content-Length': body.length }).end(body);
  const socket = openSocket(url);
  socket.write(`GET /ipfs/${key} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${alice.headers.Authorization}\r\n\r\n`);
  await once(socket, 'readable');
  retrieval.readings[0]?.fail(new RetrievalError('none', 'no source gives it'));
  t.true((await readAll(socket)).length > body.length);
});

test('a tier that says nothing at all is asked anew, and what it did not answer is given up', async (t) => {
  const { url, alice, pin, tier, cold } = await createTestGateway(t, { ...PATIENT, stallTimeoutMs: 400 });
  const key = await pin(alice, 1);
  cold.add(key);
  const { answer } = tier;
  tier.answer = () => {
    tier.answer = answer;
  };
  t.is((await read(url, `/ipfs/${key}`, { headers: alice.headers })).text, 'hello');
  t.true(tier.requests.length > 1);
  await poll('one connection is left', 10_000, () => tier.sockets.size === 1);
});

/** Ten bytes, or a range of them. Asked for `range` it is silent after `bytes` of it; to whoever asks for anything else it gives that, with `headers`. */
function stopsAfter(
  tier: { answer: RequestListener },
  {
    range,
    bytes,
    headers = {},
    status = 206,
  }: { range?: string; bytes: number; headers?: Readonly<Record<string, string>>; status?: number },
): void {
  tier.answer = (req, res) => {
    const [, first = '0', last = '9'] = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range ?? '') ?? [];
    const part = Buffer.from('0123456789').subarray(Number(first), Number(last) + 1);
    const isFirst = req.headers.range === range;
    res.writeHead(req.headers.range === undefined ? 200 : isFirst ? 206 : status, {
      'Content-Length': part.length,
      'Accept-Ranges': 'bytes',
      Etag: '"ten"',
      ...(req.headers.range === undefined ? {} : { 'Content-Range': `bytes ${first}-${last}/10` }),
      ...(isFirst ? {} : headers),
    });
    if (isFirst) res.write(part.subarray(0, bytes));
    else res.end(part);
  };
}

test('of a tier that falls silent in the middle the rest is asked for, and the reader notices nothing', async (t) => {
  const { url, alice, pin, tier, cold, served } = await createTestGateway(t, PATIENT);
  const key = await pin(alice, 1);
  cold.add(key);
  stopsAfter(tier, { bytes: 3 });
  const whole = await read(url, `/ipfs/${key}`, { headers: alice.headers });
  t.is(whole.text, '0123456789');
  t.is(tier.requests.at(-1)?.headers.range, 'bytes=3-9');
  stopsAfter(tier, { range: 'bytes=4-8', bytes: 2 });
  const part = await read(url, `/ipfs/${key}`, { headers: { ...alice.headers, Range: 'bytes=4-8', 'If-Range': '"ten"' } });
  t.is(part.text, '45678');
  t.is(part.headers['content-range'], 'bytes 4-8/10');
  t.like(tier.requests.at(-1)?.headers, { range: 'bytes=6-8', 'if-range': undefined });
  t.deepEqual(
    served.map(({ bytes, responses }) => [bytes, responses]),
    [
      [10, 1],
      [5, 1],
    ],
  );
});

for (const [what, given] of Object.entries({
  'of something else': { headers: { Etag: '"eleven"' } },
  'of something larger': { headers: { 'Content-Range': 'bytes 3-9/11' } },
  'from elsewhere in it': { headers: { 'Content-Range': 'bytes 2-8/10' } },
  'as if it were the whole': { status: 200 },
  'not any more': { status: 404 },
}))
  test(`a rest that comes ${what} is not passed on`, async (t) => {
    const { url, alice, pin, tier, cold } = await createTestGateway(t, PATIENT);
    const key = await pin(alice, 1);
    cold.add(key);
    stopsAfter(tier, { bytes: 3, ...given });
    await t.throwsAsync(read(url, `/ipfs/${key}`, { headers: alice.headers }), BROKEN);
    t.is(tier.requests.at(-1)?.headers.range, 'bytes=3-9');
  });

test('what cannot be gone on with is broken off a while after all of it is here', async (t) => {
  const { url, alice, pin, tier, cold, retrieval } = await createTestGateway(t, { ...PATIENT, stallTimeoutMs: 400 });
  const key = await pin(alice, 1);
  cold.add(key);
  tier.answer = (_req, res) => res.writeHead(200, { 'Transfer-Encoding': 'chunked' }).write('some of a CAR');
  const reading = read(url, `/ipfs/${key}?format=car`, { headers: alice.headers });
  reading.catch(() => undefined);
  await poll('it is fetched', 10_000, () => retrieval.readings.length === 1);
  await poll('its head has come', 10_000, () => retrieval.noted.length === 1);
  await delay(1_000);
  t.is(retrieval.readings[0]?.released, 0, 'it is waited for');
  const { length } = tier.requests;
  retrieval.readings[0]?.end();
  await t.throwsAsync(reading, BROKEN);
  t.is(tier.requests.length, length);
});

test('a first byte that never comes is a 504', async (t) => {
  const { url, alice, pin, tier, retrieval, cold } = await createTestGateway(t, { firstByteTimeoutMs: 300 });
  const key = await pin(alice, 1);
  cold.add(key);
  tier.answer = () => undefined;
  t.is((await read(url, `/ipfs/${key}`, { headers: alice.headers })).reason, 'GATEWAY_TIMEOUT');
  t.is(retrieval.readings[0]?.released, 1);
  await poll('the tier is asked no more', 10_000, () => tier.sockets.size === 0);
});

test('of a hot content that the tier does not find, the missing blocks are fetched while it is waited for', async (t) => {
  const { url, alice, pin, tier, retrieval, served } = await createTestGateway(t, { stallTimeoutMs: 400 });
  const key = await pin(alice, 1);
  let answerNow = (): void => undefined;
  tier.answer = (_req, res) => {
    answerNow = () => void res.writeHead(200, { 'Content-Length': 5 }).end('hello');
  };
  const waiting = read(url, `/ipfs/${key}`, { headers: alice.headers });
  await poll('its blocks are fetched', 10_000, () => retrieval.readings.length === 1);
  // Longer than the tier alone may take: help is on its way.
  await delay(600);
  answerNow();
  t.is((await waiting).text, 'hello');
  t.like(served[0], { source: 'cold' });
  t.like(retrieval.readings[0], { contentKey: key, mode: 'whole', released: 1 });
});

test('of a hot content that nobody can help with, the tier is still waited for, and then the reason is told', async (t) => {
  const { url, alice, pin, tier, retrieval } = await createTestGateway(t, { stallTimeoutMs: 2_000 });
  const key = await pin(alice, 1);
  let answerNow = (): void => undefined;
  tier.answer = (_req, res) => {
    answerNow = () => void res.writeHead(200, { 'Content-Length': 5 }).end('hello');
  };
  const slow = read(url, `/ipfs/${key}`, { headers: alice.headers });
  await poll('help was asked for', 5_000, () => retrieval.readings.length === 1);
  retrieval.readings[0]?.fail(new RetrievalError('none', 'no provider has it'));
  await delay(50);
  answerNow();
  t.is((await slow).text, 'hello');
  tier.answer = () => undefined;
  const lost = read(url, `/ipfs/${key}`, { headers: alice.headers });
  await poll('help was asked for', 10_000, () => retrieval.readings.length === 2);
  retrieval.readings[1]?.fail(new RetrievalError('none', 'no provider has it'));
  t.like(await lost, { status: 502, reason: 'NO_SOURCE', details: 'no provider has it' });
});

test('a block that is missing in the middle of a hot content is fetched, too', async (t) => {
  const { url, alice, pin, tier, retrieval } = await createTestGateway(t, { stallTimeoutMs: 400 });
  const key = await pin(alice, 1);
  let endNow = (): void => undefined;
  tier.answer = (_req, res) => {
    res.writeHead(200, { 'Content-Length': 10 }).write('hello');
    endNow = () => void res.end('world');
  };
  const waiting = read(url, `/ipfs/${key}`, { headers: alice.headers });
  await poll('its blocks are fetched', 10_000, () => retrieval.readings.length === 1);
  await delay(600);
  endNow();
  t.is((await waiting).text, 'helloworld');
});

test('a tier that gives up before we do is asked again', async (t) => {
  const { url, alice, pin, tier, cold } = await createTestGateway(t);
  const key = await pin(alice, 1);
  cold.add(key);
  const answer = tier.answer;
  tier.answer = (_req, res) => {
    tier.answer = answer;
    res.writeHead(504).end('timeout');
  };
  t.is((await read(url, `/ipfs/${key}`, { headers: alice.headers })).text, 'hello');
  t.is(tier.requests.length, 2);
});

test('a tier that is down is a 503; one that has none says so', async (t) => {
  const down = await createTestGateway(t, { target: () => ({ socketPath: '/nonexistent/gateway.sock' }) });
  const options = { headers: down.alice.headers };
  t.like(await read(down.url, `/ipfs/${await down.pin(down.alice, 1)}`, options), { status: 503, reason: 'UNAVAILABLE' });
  const none = await createTestGateway(t, { target: () => undefined, absent: 'set hot.gateway' });
  const reply = await read(none.url, `/ipfs/${await none.pin(none.alice, 1)}`, { headers: none.alice.headers });
  t.like(reply, { status: 503, details: 'set hot.gateway' });
});

test('a connection that the tier has closed meanwhile is made anew', async (t) => {
  const { url, alice, pin, tier } = await createTestGateway(t);
  const key = await pin(alice, 1);
  for (let i = 0; i < 5; i++) {
    t.is((await read(url, `/ipfs/${key}`, { headers: alice.headers })).status, 200);
    for (const socket of tier.sockets) socket.end();
  }
});

test('a meter that fails breaks no reader', async (t) => {
  const { url, alice, pin } = await createTestGateway(t, { meter: { note: () => Promise.reject(new Error('the disk is full')) } });
  t.is((await read(url, `/ipfs/${await pin(alice, 1)}`, { headers: alice.headers })).text, 'hello');
});

test('a long reply is counted as it goes', async (t) => {
  const { url, alice, pin, tier, served } = await createTestGateway(t);
  const key = await pin(alice, 1);
  const chunk = Buffer.alloc(2 ** 20);
  tier.answer = (_req, res) => {
    res.writeHead(200, { 'Content-Length': 100 * chunk.length });
    let left = 100;
    const more = (): void => void (left-- > 0 ? res.write(chunk, more) : res.end());
    more();
  };
  t.is((await read(url, `/ipfs/${key}`, { headers: alice.headers })).body.length, 100 * chunk.length);
  await poll('all is counted', 10_000, () => served.length === 2);
  t.is(
    served.reduce((sum, { bytes }) => sum + bytes, 0),
    100 * chunk.length,
  );
  t.deepEqual(
    served.map(({ responses }) => responses),
    [0, 1],
  );
});

test('other methods, other paths and other versions of HTTP get what they should', async (t) => {
  const { url, alice, pin, tier } = await createTestGateway(t);
  const key = await pin(alice, 1);
  const headers = alice.headers;
  const post = await read(url, `/ipfs/${key}`, { method: 'POST', headers });
  t.is(`${post.status} ${post.headers.allow}`, '405 GET, HEAD');
  for (const target of ['/', '/ipns/example.org', '/routing/v1/providers/x', '/api/v0/id', '/pins', '/metrics']) {
    t.is((await read(url, target, { headers })).reason, 'NOT_FOUND', target);
  }
  t.like(await read(url, '/healthz'), { status: 200, text: '{"status":"ok"}' });
  t.is((await read(url, `/ipfs/${key}/${'a'.repeat(5_000)}`, { headers })).reason, 'URI_TOO_LONG');
  t.is((await read(url, '/ipfs/zzz', { headers })).reason, 'BAD_REQUEST');
  t.is((await read(url, `/ipfs/${key}/..`, { headers })).reason, 'BAD_REQUEST');
  t.is((await read(url, `http://gateway.example.org/ipfs/${key}`, { headers })).text, 'hello');
  const old = await sendRaw(url, `GET /ipfs/${key} HTTP/1.0\r\nAuthorization: ${headers.Authorization}\r\n\r\n`);
  t.like(old, { status: 200, body: 'hello' });
  t.true(tier.requests.every((one) => one.url === `/ipfs/${key}`));
});

test('a small reply leaves in one piece, and the head of a slow one before its body', async (t) => {
  const { url, alice, pin, tier } = await createTestGateway(t);
  const key = await pin(alice, 1);
  tier.answer = (_req, res) => void res.writeHead(200, { 'Content-Length': 5 }).flushHeaders();
  const socket = openSocket(url);
  socket.write(`GET /ipfs/${key} HTTP/1.1\r\nHost: x\r\nAuthorization: ${alice.headers.Authorization}\r\n\r\n`);
  const [head] = await once(socket, 'data');
  t.is(parseReply(String(head)).status, 200);
  socket.destroy();
});

test('what is served shows in the metrics', async (t) => {
  const { url, alice, pin, metrics } = await createTestGateway(t);
  const key = await pin(alice, 1);
  await read(url, `/ipfs/${key}`, { headers: alice.headers });
  await read(url, `/ipfs/${createContentKey(2)}`, { headers: alice.headers });
  const text = await metrics.metrics();
  t.regex(text, /fbpd_gateway_requests_total\{status="200",source="hot"\} 1/);
  t.regex(text, /fbpd_gateway_requests_total\{status="404",source="none"\} 1/);
  t.regex(text, /fbpd_gateway_bytes_total\{source="hot"\} 5/);
  t.regex(text, /fbpd_gateway_first_byte_seconds_count\{source="hot"\} 1/);
});

test('closing lets a running reply finish, and waits until it is counted', async (t) => {
  const { url, alice, pin, tier, gateway, served } = await createTestGateway(t);
  const key = await pin(alice, 1);
  tier.answer = (_req, res) => {
    res.writeHead(200, { 'Content-Length': 10 }).write('hello');
    setTimeout(() => res.end('world'), 100);
  };
  const reading = read(url, `/ipfs/${key}`, { headers: alice.headers });
  await poll('it is under way', 10_000, () => tier.requests.length === 1);
  await gateway.close();
  t.is((await reading).text, 'helloworld');
  t.like(served[0], { bytes: 10 });
});

test('closing cuts off who reads nothing, and waits until what was sent to them is counted', async (t) => {
  const lines: string[] = [];
  const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) });
  const usage = createTestMetering(await createTestStore(t));
  const overrides = { log, meter: usage, limits: { closeDeadlineMs: 100 }, stallTimeoutMs: 600_000, firstByteTimeoutMs: 600_000 };
  const { url, alice, pin, tier, gateway } = await createTestGateway(t, overrides);
  const key = await pin(alice, 1);
  const body = Buffer.alloc(20 * 2 ** 20);
  tier.answer = (_req, res) => res.writeHead(200, { 'Content-Length': body.length }).end(body);
  const request = `GET /ipfs/${key} HTTP/1.1\r\nHost: x\r\nAuthorization: ${alice.headers.Authorization}\r\n\r\n`;
  // The second has one more in line behind it, which never gets to send a byte.
  for (const requests of [request, request + request]) {
    const socket = openSocket(url);
    socket.write(requests);
    await once(socket, 'readable');
  }
  await poll('all three are under way', 10_000, () => tier.requests.length === 3);
  await gateway.close();
  await usage.close();
  const { hotBytes, responses } = await totalOf(usage, alice.account.id);
  t.is(responses, 3);
  t.true(hotBytes > 0);
  t.deepEqual(lines, []);
});
