import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';
import { SCOPES } from '../../daemon/domain/account.ts';
import { contentKeyOf } from '../../daemon/domain/cid.ts';
import type { UploadsOptions } from '../../daemon/uploads.ts';
import { type CallOptions, createTestApi, HOT_UP, type Reply, type TestApi, type TestUser } from '../fixtures/create-api.ts';
import { type CarPart, carOf, carV2Of } from '../fixtures/create-car.ts';
import { poll } from '../fixtures/poll.ts';
import { openSocket, parseReply, readAll, sendRaw } from '../fixtures/raw-http.ts';
import { cidOf, DAG_PB, dagPbNode, RAW } from '../hot/blocks.ts';

const SOON_MS = 10_000;
const CAR = { 'Content-Type': 'application/vnd.ipld.car' };

async function part(codec: number, bytes: Uint8Array): Promise<CarPart> {
  return { cid: await cidOf(bytes, codec), bytes };
}

/** A root over two leaves, written as JS writes them: leaves first. */
async function smallDag(): Promise<{ root: CID; parts: CarPart[]; car: Uint8Array }> {
  const leaves = [await part(RAW, Buffer.from('one')), await part(RAW, Buffer.from('two'))];
  const root = await part(DAG_PB, dagPbNode(leaves.map(({ cid }) => ({ cid }))));
  const parts = [...leaves, root];
  return { root: root.cid, parts, car: carOf([root.cid], parts) };
}

function upload(user: TestUser, body: Uint8Array, { query = '', ...options }: CallOptions & { query?: string } = {}): Promise<Reply> {
  return user.call('POST', `/v1/uploads${query}`, { body, ...options, headers: { ...CAR, ...options.headers } });
}

async function assertRefused(t: ExecutionContext, reply: Reply | Promise<Reply>, status: number, reason: string, details: RegExp) {
  const { status: got, json, text } = await reply;
  t.is(got, status, text);
  t.is(json.error.reason, reason);
  t.regex(json.error.details, details);
}

async function noPins(t: ExecutionContext, { pins, user }: TestApi): Promise<void> {
  t.is((await pins.list(user.account.id, { match: 'exact', limit: 10 })).count, 0);
}

test('a CAR becomes a pin of its root, of either version, and sending it again is fine', async (t) => {
  const api = await createTestApi(t);
  const { root, parts, car } = await smallDag();
  for (const body of [car, carV2Of(car, { index: Buffer.alloc(100, 1) })]) {
    const { status, json, headers } = await upload(api.user, body, { query: '?name=holiday%20pictures' });
    t.is(status, 202);
    t.is(headers.get('connection'), 'keep-alive');
    t.like(json, { cid: root.toString(), blocks: 3, bytes: 6 + (parts[2]?.bytes.length ?? 0) });
    t.like(json.pin, { status: 'queued', pin: { cid: root.toString(), name: 'holiday pictures' }, delegates: [...HOT_UP.addresses] });
    const listed = await api.user.call('GET', `/pins/${json.pin.requestid}`);
    t.deepEqual(listed.json, json.pin);
  }
  for (const { cid } of parts) t.true(api.uploads.held.bytes.has(cid.toString()));
});

test('what is wrong with a CAR is said precisely, and nothing is pinned', async (t) => {
  const api = await createTestApi(t);
  const { user } = api;
  const { root, parts, car } = await smallDag();
  const [one, two] = parts;
  if (one === undefined || two === undefined) throw new Error('there are two leaves');
  const refused = (body: Uint8Array, status: number, reason: string, details: RegExp) =>
    assertRefused(t, upload(user, body), status, reason, details);
  await refused(Buffer.from('{"this": "is no CAR"}'.repeat(10)), 400, 'MALFORMED_UPLOAD', /not a whole CAR/);
  await refused(car.subarray(0, car.length - 5), 400, 'UPLOAD_CUT_SHORT', /in the middle/);
  await refused(carOf([root], [one, { cid: two.cid, bytes: Buffer.from('owt') }]), 400, 'BAD_BLOCK', new RegExp(`${two.cid}`));
  await refused(carOf([], parts), 400, 'BAD_ROOT', /no root/);
  await refused(carOf([root, one.cid], parts), 400, 'BAD_ROOT', /2 roots/);
  await refused(carOf([root], [one, two]), 400, 'BAD_ROOT', /not among/);
  await refused(carOf([root], parts.slice(1)), 400, 'INCOMPLETE_DAG', new RegExp(`${one.cid}`));
  const git = await part(0x78, Buffer.from('blob'));
  await refused(carOf([git.cid], [git]), 400, 'UNSUPPORTED_BLOCK', /codec 0x78/);
  const md5 = CID.createV1(RAW, createDigest(0xd5, createHash('md5').update('blob').digest()));
  await refused(carOf([md5], [{ cid: md5, bytes: Buffer.from('blob') }]), 400, 'UNSUPPORTED_BLOCK', /cannot be checked/);
  await refused(carOf([root], [{ cid: md5, bytes: Buffer.from('blob') }, ...parts]), 400, 'UNSUPPORTED_BLOCK', /cannot be checked/);
  const large = await part(RAW, Buffer.alloc(3 * 1024 * 1024));
  await refused(carOf([large.cid], [large]), 413, 'PAYLOAD_TOO_LARGE', /larger than 2097152/);
  await noPins(t, api);
  t.is(api.uploads.gate.inside().all, 0);
});

test('limits of bytes and blocks are those of pins', async (t) => {
  const limits = { dagBytes: 1_000, dagBlocks: 3, concurrentUploads: 4 };
  const api = await createTestApi(t, { limits: { uploadBytes: 5_000 } }, { limits });
  const blocks = await Promise.all([1, 2, 3, 4].map((n) => part(RAW, Buffer.alloc(300, n))));
  const root = (n: number) => [blocks[n]?.cid].filter((cid) => cid !== undefined);
  await assertRefused(t, upload(api.user, carOf(root(0), blocks)), 413, 'PAYLOAD_TOO_LARGE', /more than 3 blocks/);
  const tooMany = [...blocks.slice(0, 2), await part(RAW, Buffer.alloc(500))];
  await assertRefused(t, upload(api.user, carOf(root(0), tooMany)), 413, 'PAYLOAD_TOO_LARGE', /more than 1000 bytes/);
  await assertRefused(t, upload(api.user, Buffer.alloc(6_000)), 413, 'PAYLOAD_TOO_LARGE', /at most 5000 bytes/);
  t.is((await upload(api.user, carOf(root(0), blocks.slice(0, 3)))).status, 202);
});

test('the request itself must be right, too', async (t) => {
  const { user, addUser, url } = await createTestApi(t);
  const { car } = await smallDag();
  await assertRefused(
    t,
    upload(user, car, { headers: { 'Content-Type': 'application/json' } }),
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    /vnd.ipld.car/,
  );
  await assertRefused(t, upload(user, car, { headers: { 'Content-Encoding': 'gzip' } }), 415, 'UNSUPPORTED_MEDIA_TYPE', /gzip/);
  await assertRefused(t, upload(user, car, { query: `?name=${'x'.repeat(256)}` }), 400, 'BAD_REQUEST', /name/);
  await assertRefused(t, upload(user, car, { query: '?nam=x' }), 400, 'BAD_REQUEST', /nam/);
  t.is((await upload(user, car, { headers: { 'Content-Type': 'Application/Vnd.ipld.car; version=1' } })).status, 202);
  const reader = await addUser(
    'reader',
    SCOPES.filter((scope) => scope !== 'pins:write'),
  );
  await assertRefused(t, upload(reader, car), 403, 'INSUFFICIENT_SCOPE', /pins:write/);
  t.is((await fetch(`${url}/v1/uploads`, { method: 'POST', headers: CAR, body: Uint8Array.from(car) })).status, 401);
  t.is((await user.call('GET', '/v1/uploads')).status, 405);
});

test('where nothing can be taken it is refused before a byte is read', async (t) => {
  const api = await createTestApi(t);
  const { car } = await smallDag();
  api.uploads.room.reason = { code: 'min_free', text: '' };
  const full = await upload(api.user, car);
  await assertRefused(t, full, 507, 'STORAGE_FULL', /room/);
  t.is(full.headers.get('retry-after'), '30');
  api.uploads.room.reason = { code: 'hot_down', text: '' };
  await assertRefused(t, upload(api.user, car), 503, 'UNAVAILABLE', /not up/);
  delete api.uploads.room.reason;
  const busy = await Promise.all([1, 2].map(() => api.uploads.uploads.begin(api.user.account.id, new AbortController().signal)));
  const refused = await upload(api.user, car);
  await assertRefused(t, refused, 429, 'TOO_MANY_REQUESTS', /of this account/);
  t.is(refused.headers.get('retry-after'), '10');
  for (const one of busy) one.end();
  t.is((await upload(api.user, car)).status, 202);
});

test('an account that is suspended or deleted meanwhile gets no pin', async (t) => {
  let arrived = (): void => undefined;
  const intake: UploadsOptions['intake'] = {
    async put() {
      arrived();
      await hold.promise;
    },
    wanted: () => Promise.resolve([]),
    has: () => Promise.resolve(false),
  };
  let hold = Promise.withResolvers<void>();
  const api = await createTestApi(t, {}, { intake });
  const { car } = await smallDag();
  for (const [state, status] of [
    ['suspended', 403],
    ['deleting', 403],
  ] as const) {
    hold = Promise.withResolvers<void>();
    const onTheWay = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const replying = upload(api.user, car);
    await onTheWay;
    await api.accounts.setState(api.user.account.id, state);
    hold.resolve();
    t.is((await replying).status, status);
    if (state === 'suspended') await api.accounts.setState(api.user.account.id, 'active');
  }
  await noPins(t, api);
});

test('a content that the operator blocked is refused', async (t) => {
  const { pins, user } = await createTestApi(t);
  const { root, car } = await smallDag();
  await pins.block(contentKeyOf(root), 'not wanted');
  t.is((await upload(user, car)).status, 451);
});

function head({ user }: TestApi, length: number | undefined, more = ''): string {
  const framing = length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
  return `POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user.secret}\r\nContent-Type: ${CAR['Content-Type']}\r\n${framing}\r\n${more}\r\n`;
}

test('an upload that moves may take longer than other requests, one that does not gets 408', async (t) => {
  const limits = { requestTimeoutMs: 300, headersTimeoutMs: 300 };
  const api = await createTestApi(t, { limits });
  const { car } = await smallDag();
  const socket = openSocket(api.url);
  const reply = readAll(socket);
  socket.write(head(api, car.length, 'Connection: close\r\n'));
  // Node looks for late requests once a second.
  for (const byteRange of [car.subarray(0, 30), car.subarray(30, 60), car.subarray(60)]) {
    await sleep(700);
    socket.write(byteRange);
  }
  t.is(parseReply(await reply).status, 202);
  const strict = await createTestApi(t, { limits }, { times: { stallMs: 100 } });
  const stalled = await sendRaw(strict.url, head(strict, car.length), car.subarray(0, 30));
  t.is(stalled.status, 408);
  t.regex(stalled.body, /REQUEST_TIMEOUT/);
  const other = await sendRaw(
    api.url,
    `POST /pins HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.user.secret}\r\nContent-Length: 10\r\n\r\n{`,
  );
  t.is(other.status, 408, 'other requests are as late as ever');
  t.is(api.uploads.gate.inside().all, 1, 'of the first, which is not pinned yet');
});

test('an upload that stands still is answered and its connection closed when room is short, or when garbage is due', async (t) => {
  const api = await createTestApi(t, {}, { times: { idleMs: 50, idleEveryMs: 10 } });
  const { car } = await smallDag();
  const fillUp = async (): Promise<void> => {
    api.uploads.room.reason = { code: 'hot_full', text: '' };
  };
  for (const [status, reason, happen] of [
    [507, /STORAGE_FULL/, fillUp],
    [408, /REQUEST_TIMEOUT.*unpinned blocks/, () => api.uploads.gate.close(60_000)],
  ] as const) {
    const socket = openSocket(api.url);
    const reply = readAll(socket);
    socket.write(head(api, 5_000_000));
    socket.write(car.subarray(0, 40));
    await poll('it is taken', SOON_MS, () => api.uploads.gate.inside().all === 1);
    const happened = happen();
    await poll('it is let go', SOON_MS, () => api.uploads.gate.inside().all === 0);
    const refused = parseReply(await reply);
    t.is(refused.status, status);
    t.regex(refused.body, reason);
    await happened;
    delete api.uploads.room.reason;
  }
  t.deepEqual(api.uploads.garbage, [40, 40]);
  await noPins(t, api);
});

test('a client that goes away leaves nothing behind it', async (t) => {
  const api = await createTestApi(t);
  const { car } = await smallDag();
  const socket = openSocket(api.url);
  socket.write(head(api, car.length));
  socket.write(car.subarray(0, 40));
  await poll('it is taken', SOON_MS, () => api.uploads.gate.inside().all === 1);
  socket.destroy();
  await poll('it is let go', SOON_MS, () => api.uploads.gate.inside().all === 0);
  await noPins(t, api);
});

test('who asks before sending hears yes when there is room, and why not when there is none', async (t) => {
  const api = await createTestApi(t, { limits: { bodyBytes: 50 } });
  const { car } = await smallDag();
  const expect = 'Expect: 100-continue\r\nConnection: close\r\n';
  const socket = openSocket(api.url);
  socket.setEncoding('latin1');
  socket.write(head(api, car.length, expect));
  const [first] = (await once(socket, 'data')) as [string];
  t.regex(first, /^HTTP\/1\.1 100 /);
  socket.write(car);
  t.is(parseReply(await readAll(socket)).status, 202);
  api.uploads.room.reason = { code: 'min_free', text: '' };
  t.is((await sendRaw(api.url, head(api, car.length, expect))).status, 507);
});

test('a client that sends on after a refusal gets to read it', async (t) => {
  const api = await createTestApi(t);
  const { parts } = await smallDag();
  const rest = Buffer.alloc(4 * 1024 * 1024);
  const reply = await upload(api.user, Buffer.concat([carOf([], parts), rest]));
  await assertRefused(t, reply, 400, 'BAD_ROOT', /no root/);
  t.is(reply.headers.get('connection'), 'close');
});
