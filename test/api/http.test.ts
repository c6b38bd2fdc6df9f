import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import test from 'ava';

import { isFbpdError } from '../../daemon/domain/errors.ts';
import type { PinStore } from '../../daemon/domain/ports.ts';
import { createTestApi } from '../fixtures/create-api.ts';
import { createCid } from '../fixtures/create-cid.ts';
import { openSocket, parseReply, type RawReply, readAll, sendRaw } from '../fixtures/raw-http.ts';
import { replyProblems } from '../fixtures/spec-check.ts';

const CID = createCid('one').toString();
const PIN = JSON.stringify({ cid: CID });

function isFailure(t: ExecutionContext, reply: RawReply, status: number, reason: string): void {
  t.is(reply.status, status, reply.body);
  const exchange = { method: 'GET', target: '/pins', status, contentType: reply.headers['content-type'], body: reply.body };
  t.deepEqual(replyProblems(exchange), []);
  t.is(JSON.parse(reply.body).error.reason, reason);
}

function post(secret: string, headers: Record<string, string>, close = true): string {
  const lines = Object.entries({ Host: 'x', Authorization: `Bearer ${secret}`, ...(close ? { Connection: 'close' } : {}), ...headers });
  return ['POST /pins HTTP/1.1', ...lines.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
}

test('what is not HTTP gets a 400 in the shape of the specification', async (t) => {
  const { url } = await createTestApi(t);
  for (const sent of [
    'nonsense\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'GET /pins HTTP/9.9\r\n\r\n',
    'GET /p ins HTTP/1.1\r\nHost: x\r\n\r\n',
  ]) {
    isFailure(t, await sendRaw(url, sent), 400, 'BAD_REQUEST');
  }
});

test('conflicting and malformed framing is a 400', async (t) => {
  const { url, user } = await createTestApi(t);
  const both = post(user.secret, { 'Content-Length': '5', 'Transfer-Encoding': 'chunked' });
  isFailure(t, await sendRaw(url, both, '0\r\n\r\n'), 400, 'BAD_REQUEST');
  isFailure(t, await sendRaw(url, post(user.secret, { 'Content-Length': '-1' })), 400, 'BAD_REQUEST');
  isFailure(t, await sendRaw(url, post(user.secret, { 'Transfer-Encoding': 'chunked' }), 'zz\r\n'), 400, 'BAD_REQUEST');
});

test('headers of more than 16 KiB are a 431', async (t) => {
  const { url } = await createTestApi(t);
  isFailure(t, await sendRaw(url, `GET /pins HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`), 431, 'HEADERS_TOO_LARGE');
  isFailure(t, await sendRaw(url, `GET /pins?name=${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`), 431, 'HEADERS_TOO_LARGE');
});

test('HTTP/1.1 without a Host is a 400, HTTP/1.0 may do without', async (t) => {
  const { url, user } = await createTestApi(t);
  isFailure(t, await sendRaw(url, 'GET /pins HTTP/1.1\r\nConnection: close\r\n\r\n'), 400, 'BAD_REQUEST');
  const old = await sendRaw(url, `GET /pins HTTP/1.0\r\nAuthorization: Bearer ${user.secret}\r\n\r\n`);
  t.is(old.status, 200);
});

test('a whole URL is taken as a request target, other schemes are not', async (t) => {
  const { url, user } = await createTestApi(t);
  const get = (target: string) =>
    sendRaw(url, `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user.secret}\r\nConnection: close\r\n\r\n`);
  t.is((await get('http://pins.example.org/pins?limit=1')).status, 200);
  isFailure(t, await get('http://pins.example.org'), 404, 'NOT_FOUND');
  isFailure(t, await get('http://[bad/pins?limit=0'), 400, 'BAD_REQUEST');
  isFailure(t, await get('ftp://pins.example.org/pins'), 400, 'BAD_REQUEST');
});

test('CONNECT, unknown expectations and upgrades get spec-shaped answers', async (t) => {
  const { url, user } = await createTestApi(t);
  isFailure(t, await sendRaw(url, 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n'), 405, 'METHOD_NOT_ALLOWED');
  isFailure(t, await sendRaw(url, post(user.secret, { Expect: 'tea', 'Content-Length': '0' })), 417, 'EXPECTATION_FAILED');
  const upgrade = await sendRaw(
    url,
    `GET /pins HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user.secret}\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n`,
  );
  t.is(upgrade.status, 200, 'an upgrade that nobody offers is ignored');
});

test('a chunked body is counted as it comes', async (t) => {
  const { url, user } = await createTestApi(t);
  const chunked = post(user.secret, { 'Transfer-Encoding': 'chunked' });
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  t.is((await sendRaw(url, chunked, chunk(PIN.slice(0, 9)), chunk(PIN.slice(9)), '0\r\n\r\n')).status, 202);
  const big = Array.from({ length: 70 }, () => chunk('x'.repeat(1024)));
  isFailure(t, await sendRaw(url, chunked, ...big, '0\r\n\r\n'), 413, 'PAYLOAD_TOO_LARGE');
});

test('a client that asks before it sends too much is told at once', async (t) => {
  const { url, user } = await createTestApi(t);
  const refused = await sendRaw(url, post(user.secret, { Expect: '100-continue', 'Content-Length': '1000000' }));
  isFailure(t, refused, 413, 'PAYLOAD_TOO_LARGE');
  const socket = openSocket(url);
  socket.write(post(user.secret, { Expect: '100-continue', 'Content-Length': String(PIN.length) }));
  const [leave] = await once(socket, 'data');
  t.regex(String(leave), /^HTTP\/1\.1 100 /);
  socket.write(PIN);
  t.is(parseReply(await readAll(socket)).status, 202);
});

test('headers that do not arrive in time are a 408', async (t) => {
  const { url } = await createTestApi(t, { limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
  isFailure(t, await sendRaw(url, 'GET /pins HTTP/1.1\r\nHost: x\r\n'), 408, 'REQUEST_TIMEOUT');
});

test('a body that does not arrive in time is a 408, and nothing is kept', async (t) => {
  const { url, user } = await createTestApi(t, { limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
  isFailure(t, await sendRaw(url, post(user.secret, { 'Content-Length': String(PIN.length) }), PIN.slice(0, 10)), 408, 'REQUEST_TIMEOUT');
  t.is((await user.call('GET', '/pins?status=queued')).json.count, 0);
});

test('a client that goes away in the middle of its body leaves nothing behind', async (t) => {
  const { url, user } = await createTestApi(t);
  const socket = openSocket(url);
  socket.write(post(user.secret, { 'Content-Length': String(PIN.length) }) + PIN.slice(0, 10));
  await once(socket, 'connect');
  socket.destroy();
  t.is((await user.call('GET', '/pins?status=queued')).json.count, 0);
});

test('no more connections than the limit are served', async (t) => {
  const { url } = await createTestApi(t, { limits: { connections: 2 } });
  const held = [openSocket(url), openSocket(url)];
  await Promise.all(held.map((socket) => once(socket, 'connect')));
  // Both have been accepted once both have been answered.
  for (const socket of held) socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await Promise.all(held.map((socket) => once(socket, 'data')));
  t.is(await readAll(openSocket(url)), '');
  for (const socket of held) socket.destroy();
});

test('an address that is taken is a BAD_ENVIRONMENT that names it', async (t) => {
  const { url } = await createTestApi(t);
  const error = await t.throwsAsync(createTestApi(t, { listen: { host: '127.0.0.1', port: Number(new URL(url).port) } }));
  t.true(isFbpdError(error, 'BAD_ENVIRONMENT'));
  t.regex(error?.message ?? '', /api\.listen.*EADDRINUSE/);
});

test('closing lets running requests finish, then no connection is left', async (t) => {
  let started = () => {};
  let finish = () => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const slow = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { url, user, api, pins } = await createTestApi(t);
  const idle = openSocket(url);
  await once(idle, 'connect');
  const list = pins.list.bind(pins);
  pins.list = async (...args: Parameters<PinStore['list']>) => {
    started();
    await slow;
    return list(...args);
  };
  const reply = user.call('GET', '/pins');
  await running;
  const closed = api.close();
  await once(idle, 'close');
  await t.throwsAsync(fetch(`${url}/healthz`), undefined, 'no new connections');
  finish();
  t.is((await reply).status, 200);
  t.is((await reply).headers.get('connection'), 'close');
  await closed;
});

test('closing cuts off what does not finish by the deadline', async (t) => {
  const { user, api, pins } = await createTestApi(t, { limits: { closeDeadlineMs: 100 } });
  let started = () => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  pins.list = () => {
    started();
    return new Promise(() => {});
  };
  const reply = t.throwsAsync(user.call('GET', '/pins'));
  await running;
  await api.close();
  await reply;
});
