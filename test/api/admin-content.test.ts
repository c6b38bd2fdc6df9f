import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http';
import type { AddressInfo } from 'node:net';

import test, { type ExecutionContext } from 'ava';

import { type HttpTarget, type ReadMode, type Retrieval, RetrievalError } from '../../daemon/domain/retrieval-ports.ts';
import { createTestAdmin, type TestAdmin } from '../fixtures/create-admin.ts';
import { createCid } from '../fixtures/create-cid.ts';
import { poll } from '../fixtures/poll.ts';

const SOON_MS = 10_000;

/** A hotGateway of which the test says what it answers. */
async function createGateway(t: ExecutionContext, handle: RequestListener) {
  const asked: string[] = [];
  const server = createServer((req, res) => {
    asked.push(req.url ?? '');
    handle(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const target: HttpTarget = { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) };
  return { asked, hotGateway: () => target };
}

/** A retrieval that notes what is asked of it and fails when the test says so. */
function createRetrieval() {
  const failing = Promise.withResolvers<never>();
  failing.promise.catch(() => undefined);
  const here = Promise.withResolvers<void>();
  const calls: string[] = [];
  const retrieval: Retrieval = {
    read(key: string, mode: ReadMode) {
      calls.push(`read ${mode} ${key}`);
      return { source: () => 'cold', failed: failing.promise, here: here.promise, release: () => void calls.push('released') };
    },
    noteRead: () => undefined,
  };
  return { retrieval, calls, fail: failing.reject, end: here.resolve };
}

async function pinned(admin: TestAdmin, cid: string, hot: 'pinned' | 'wanted'): Promise<void> {
  const account = await admin.accounts.add('ada');
  await admin.pins.add(account.id, { cid, contentKey: cid, origins: [] });
  if (hot !== 'pinned') return;
  await admin.pins.beginFetch(cid, 'ours');
  await admin.pins.endFetch(cid, { kind: 'pinned', sizeBytes: 1_234, blocks: 1 });
}

/** The reply, and what it ended with. */
function get(socketPath: string, path: string): Promise<{ reply: IncomingMessage; text: Promise<string> }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path }, (reply) => {
      const text = Array.fromAsync(reply.setEncoding('utf8') as AsyncIterable<string>).then((parts) => parts.join(''));
      text.catch(() => undefined);
      resolve({ reply, text });
    });
    call.on('error', reject).end();
  });
}

/** What is said of a reply that broke off. */
function whyOf(admin: TestAdmin, { headers }: IncomingMessage): Promise<unknown> {
  return admin.send('GET', `/admin/readings/${headers['fbpd-reading']}`);
}

test('what is hot comes from the gateway, by its key and its path, with its size', async (t) => {
  const { hotGateway, asked } = await createGateway(t, (_req, res) => res.end('an archive'));
  const { retrieval, calls } = createRetrieval();
  const admin = await createTestAdmin(t, { hotGateway, retrieval });
  const cid = createCid('hot').toString();
  await pinned(admin, cid, 'pinned');
  const whole = await get(admin.socket, `/admin/content/${cid}`);
  t.is(whole.reply.statusCode, 200);
  t.is(whole.reply.headers['content-type'], 'application/x-tar');
  t.is(whole.reply.headers['fbpd-content-bytes'], '1234');
  t.is(await whole.text, 'an archive');
  const below = await get(admin.socket, `/admin/content/${cid}?path=${encodeURIComponent('a b/ü?#/c')}`);
  t.is(below.reply.headers['fbpd-content-bytes'], undefined);
  await below.text;
  t.deepEqual(asked, [`/ipfs/${cid}?format=tar`, `/ipfs/${cid}/a%20b/%C3%BC%3F%23/c?format=tar`]);
  t.deepEqual(calls, [], 'nothing has to be brought back');
});

test('what cannot be read is refused by name', async (t) => {
  let status = 404;
  const { hotGateway, asked } = await createGateway(t, (_req, res) => res.writeHead(status).end('said kubo'));
  const admin = await createTestAdmin(t, { hotGateway });
  const cid = createCid('hot').toString();
  const content = `/admin/content/${cid}`;
  t.is((await admin.send('GET', '/admin/content/no-cid')).status, 400);
  t.is((await admin.send('GET', content)).status, 404);
  await pinned(admin, cid, 'pinned');
  for (const path of ['a/../../b', '..', './a', 'a%00b']) t.is((await admin.send('GET', `${content}?path=${path}`)).status, 400, path);
  t.is((await admin.send('GET', `${content}?format=car`)).status, 400);
  t.deepEqual(asked, []);
  t.is((await admin.send('GET', `${content}?path=none`)).status, 404);
  status = 400;
  t.like((await admin.send('GET', content)).body, { error: { reason: 'BAD_REQUEST', details: 'it cannot be read as files: said kubo' } });
  status = 500;
  t.is((await admin.send('GET', content)).status, 503);
});

test('a tier that is down, and a content that is not here, are not waited for', async (t) => {
  const cid = createCid('here or not').toString();
  const down = await createTestAdmin(t, { hotGateway: () => undefined });
  await pinned(down, cid, 'pinned');
  t.is((await down.send('GET', `/admin/content/${cid}`)).status, 503);
  const { hotGateway } = await createGateway(t, (_req, res) => res.end());
  const wanted = await createTestAdmin(t, { hotGateway });
  await pinned(wanted, cid, 'wanted');
  t.is((await wanted.send('GET', `/admin/content/${cid}`)).status, 404);
});

test('what is not hot is brought back while the gateway waits, and let go when it has been read', async (t) => {
  const { hotGateway } = await createGateway(t, (_req, res) => res.end('an archive'));
  const { retrieval, calls } = createRetrieval();
  const admin = await createTestAdmin(t, { hotGateway, retrieval });
  const cid = createCid('cold').toString();
  await pinned(admin, cid, 'wanted');
  const { text } = await get(admin.socket, `/admin/content/${cid}`);
  t.is(await text, 'an archive');
  await poll('it is let go', SOON_MS, () => calls.length === 2);
  t.deepEqual(calls, [`read whole ${cid}`, 'released']);
});

test('of what was given up it is said why, and nobody is asked for it', async (t) => {
  const { hotGateway, asked } = await createGateway(t, (_req, res) => res.end());
  const { retrieval, calls } = createRetrieval();
  const admin = await createTestAdmin(t, { hotGateway, retrieval });
  const cid = createCid('too large').toString();
  await pinned(admin, cid, 'wanted');
  await admin.pins.beginFetch(cid, 'ours');
  await admin.pins.endFetch(cid, { kind: 'failed', reason: { code: 'too_many_bytes', text: 'it has more than 1 MiB' } });
  const { status, body } = await admin.send('GET', `/admin/content/${cid}`);
  t.is(status, 404);
  t.like(body, { error: { reason: 'NOT_FOUND', details: `the pin of ${cid} has failed: it has more than 1 MiB` } });
  t.deepEqual([...asked, ...calls], []);
});

test('no source at all is a refusal before the first byte and a broken connection after it', async (t) => {
  const cid = createCid('cold').toString();
  const silent = await createGateway(t, () => undefined);
  const first = createRetrieval();
  const admin = await createTestAdmin(t, { hotGateway: silent.hotGateway, retrieval: first.retrieval });
  await pinned(admin, cid, 'wanted');
  const waiting = admin.send('GET', `/admin/content/${cid}`);
  await poll('it is asked for', SOON_MS, () => silent.asked.length === 1);
  first.fail(new RetrievalError('none', 'no provider has it'));
  t.like(await waiting, { status: 502, body: { error: { reason: 'NO_SOURCE', details: 'no provider has it' } } });

  const half = await createGateway(t, (_req, res) => res.write('half'));
  const second = createRetrieval();
  const another = await createTestAdmin(t, { hotGateway: half.hotGateway, retrieval: second.retrieval });
  await pinned(another, cid, 'wanted');
  const { reply, text } = await get(another.socket, `/admin/content/${cid}`);
  second.fail(new RetrievalError('none', 'no provider has the rest'));
  await t.throwsAsync(text, { code: 'ECONNRESET' });
  await poll('it is let go', SOON_MS, () => second.calls.includes('released'));
  t.deepEqual(await whyOf(another, reply), { status: 200, body: { error: { reason: 'NO_SOURCE', details: 'no provider has the rest' } } });
});

test('what the tier breaks off is broken off, and told why to who asks afterwards', async (t) => {
  const answers: [RequestListener, RegExp][] = [
    [(_req, res) => res.write('half', () => res.destroy()), /^the hot tier broke off: aborted$/],
    [
      (_req, res) => {
        res.writeHead(200, { Trailer: 'X-Stream-Error' }).write('half');
        res.addTrailers({ 'X-Stream-Error': 'a block is missing' });
        res.end();
      },
      /^the hot tier broke off: a block is missing$/,
    ],
  ];
  for (const [answer, details] of answers) {
    const { hotGateway } = await createGateway(t, answer);
    const admin = await createTestAdmin(t, { hotGateway });
    const cid = createCid('hot').toString();
    await pinned(admin, cid, 'pinned');
    const { reply, text } = await get(admin.socket, `/admin/content/${cid}`);
    await t.throwsAsync(text, { code: 'ECONNRESET' });
    const why = (await whyOf(admin, reply)) as { status: number; body: { error: { reason: string; details: string } } };
    t.like(why, { status: 200, body: { error: { reason: 'BAD_GATEWAY' } } });
    t.regex(why.body.error.details, details);
  }
});

test('of a reply that was whole, or was never given, there is nothing to tell', async (t) => {
  const { hotGateway } = await createGateway(t, (_req, res) => res.end('an archive'));
  const { retrieval, calls, fail } = createRetrieval();
  const admin = await createTestAdmin(t, { hotGateway, retrieval });
  const cid = createCid('cold').toString();
  await pinned(admin, cid, 'wanted');
  const { reply, text } = await get(admin.socket, `/admin/content/${cid}`);
  t.is(await text, 'an archive');
  await poll('it is let go', SOON_MS, () => calls.includes('released'));
  fail(new RetrievalError('down', 'it could not be pinned'));
  t.like(await whyOf(admin, reply), { status: 404, body: { error: { reason: 'NOT_FOUND' } } });
  t.is((await admin.send('GET', '/admin/readings/none')).status, 404);
});

test('a reader who goes away ends what is asked of the gateway', async (t) => {
  let ended = false;
  const { hotGateway } = await createGateway(t, (_req, res) => {
    res.write('the beginning');
    res.on('close', () => {
      ended = true;
    });
  });
  const admin = await createTestAdmin(t, { hotGateway });
  const cid = createCid('hot').toString();
  await pinned(admin, cid, 'pinned');
  const { reply } = await get(admin.socket, `/admin/content/${cid}`);
  reply.destroy();
  await t.notThrowsAsync(poll('it is ended', SOON_MS, () => ended));
});

test('a gateway that says nothing is asked anew', async (t) => {
  let requests = 0;
  const { hotGateway } = await createGateway(t, (_req, res) => {
    requests += 1;
    if (requests > 1) res.end('an archive');
  });
  const admin = await createTestAdmin(t, { hotGateway });
  const cid = createCid('hot').toString();
  await pinned(admin, cid, 'pinned');
  const { text } = await get(admin.socket, `/admin/content/${cid}`);
  t.is(await text, 'an archive');
  t.is(requests, 2);
});
