import test from 'ava';

import { base36 } from 'multiformats/bases/base36';

import type { FetchProgress } from '../../daemon/domain/content.ts';
import { TestClock } from '../fixtures/create-accounts.ts';
import { call, createTestApi, HOT_UP, IDLE } from '../fixtures/create-api.ts';
import { createCid, createDagPbCid } from '../fixtures/create-cid.ts';

const CID = createCid('one').toString();
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test('1. every pinning route without a token, or with a bad one, is a 401', async (t) => {
  const { url, user } = await createTestApi(t);
  const { requestid } = (await user.call('POST', '/pins', { body: { cid: CID } })).json;
  const routes = [
    ['GET', '/pins'],
    ['POST', '/pins'],
    ['GET', `/pins/${requestid}`],
    ['POST', `/pins/${requestid}`],
    ['DELETE', `/pins/${requestid}`],
  ] as const;
  for (const [method, path] of routes) {
    for (const authorization of [undefined, 'Bearer nonsense', `Basic ${user.secret}`, 'Bearer', user.secret]) {
      const headers: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization };
      const body = method === 'POST' ? { cid: CID } : undefined;
      const reply = await call(t, url, method, path, { headers, body });
      t.is(reply.status, 401, `${method} ${path} ${authorization}`);
      t.is(reply.json.error.reason, 'UNAUTHORIZED');
      t.regex(reply.json.error.details, /access denied/);
      t.regex(reply.headers.get('www-authenticate') ?? '', /^Bearer /);
    }
  }
  t.is((await user.call('GET', `/pins/${requestid}`)).status, 200, 'the pin is still there');
});

test('2. adding and replacing are 202 with a PinStatus, removing is 202 without a body, reading is 200, what is not there is 404', async (t) => {
  const { user } = await createTestApi(t);
  const added = await user.call('POST', '/pins', { body: { cid: CID } });
  t.is(added.status, 202);
  t.regex(added.json.requestid, UUID);
  const replaced = await user.call('POST', `/pins/${added.json.requestid}`, { body: { cid: CID } });
  t.is(replaced.status, 202);
  const path = `/pins/${replaced.json.requestid}`;
  t.is((await user.call('GET', path)).status, 200);
  t.is((await user.call('GET', '/pins')).status, 200);
  const removed = await user.call('DELETE', path);
  t.is(removed.status, 202);
  t.is(removed.text, '');
  for (const [method, body] of [['GET'], ['DELETE'], ['POST', { cid: CID }]] as const) {
    const gone = await user.call(method, path, { body });
    t.is(gone.status, 404);
    t.is(gone.json.error.reason, 'NOT_FOUND');
  }
  t.is((await user.call('GET', '/pins/not-a-uuid')).status, 404);
});

test("2. somebody else's pin is a 404 on every route, and is not in one's own list", async (t) => {
  const { user, addUser } = await createTestApi(t);
  const { requestid } = (await user.call('POST', '/pins', { body: { cid: CID, name: 'mine' } })).json;
  const stranger = await addUser('stranger');
  t.is((await stranger.call('GET', `/pins/${requestid}`)).status, 404);
  t.is((await stranger.call('POST', `/pins/${requestid}`, { body: { cid: CID } })).status, 404);
  t.is((await stranger.call('DELETE', `/pins/${requestid}`)).status, 404);
  t.is((await stranger.call('GET', '/pins?name=mine')).json.count, 0);
  t.is((await user.call('GET', `/pins/${requestid}`)).status, 200);
});

test('3. replacing takes a whole Pin, gives a new requestid, and the old one is gone', async (t) => {
  const { user } = await createTestApi(t);
  const old = (await user.call('POST', '/pins', { body: { cid: CID, name: 'old', meta: { a: '1' } } })).json;
  const cid = createCid('two').toString();
  const replaced = (await user.call('POST', `/pins/${old.requestid}`, { body: { cid } })).json;
  t.not(replaced.requestid, old.requestid);
  t.deepEqual(replaced.pin, { cid }, 'nothing of the old Pin is kept');
  t.true(replaced.created > old.created);
  t.is((await user.call('GET', `/pins/${old.requestid}`)).status, 404);
  t.deepEqual((await user.call('GET', `/pins/${replaced.requestid}`)).json.pin, { cid });
  t.is((await user.call('GET', `/pins?cid=${CID},${cid}`)).json.count, 1);
});

test('3. a replacement that is refused leaves the old pin as it was', async (t) => {
  const { user } = await createTestApi(t);
  const old = (await user.call('POST', '/pins', { body: { cid: CID } })).json;
  t.is((await user.call('POST', `/pins/${old.requestid}`, { body: { cid: 'nonsense' } })).status, 400);
  t.is((await user.call('GET', `/pins/${old.requestid}`)).status, 200);
});

test('4. the same CID twice gives two pins', async (t) => {
  const { user } = await createTestApi(t);
  const first = (await user.call('POST', '/pins', { body: { cid: CID } })).json;
  const second = (await user.call('POST', '/pins', { body: { cid: CID } })).json;
  t.not(first.requestid, second.requestid);
  t.is((await user.call('GET', `/pins?cid=${CID}`)).json.count, 2);
  await user.call('DELETE', `/pins/${first.requestid}`);
  t.is((await user.call('GET', `/pins/${second.requestid}`)).status, 200);
});

test('5. created is RFC 3339 in UTC to the millisecond, unique within the account, and never changes', async (t) => {
  const { user } = await createTestApi(t);
  const added = await Promise.all(Array.from({ length: 50 }, () => user.call('POST', '/pins', { body: { cid: CID } })));
  const created = added.map(({ json }) => json.created);
  t.is(new Set(created).size, 50);
  for (const one of created) t.regex(one, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const again = await Promise.all(added.map(({ json }) => user.call('GET', `/pins/${json.requestid}`)));
  t.deepEqual(
    again.map(({ json }) => json.created),
    created,
  );
});

test('5. created goes on from the last one when the clock is set back', async (t) => {
  const clock = new TestClock();
  const { user } = await createTestApi(t, { clock });
  const created = async () => Date.parse((await user.call('POST', '/pins', { body: { cid: CID } })).json.created);
  const first = await created();
  t.is(first, clock.nowMs());
  t.is(await created(), first + 1);
  clock.advance(-3_600_000);
  t.is(await created(), first + 2);
});

test('6. lists are newest first, ten unless a limit of 1 to 1000 says otherwise', async (t) => {
  const { user } = await createTestApi(t);
  const ids: string[] = [];
  for (let i = 0; i < 12; i++) ids.unshift((await user.call('POST', '/pins', { body: { cid: CID } })).json.requestid);
  const idsOf = async (query: string) =>
    (await user.call('GET', `/pins?status=queued${query}`)).json.results.map(({ requestid }: { requestid: string }) => requestid);
  t.deepEqual(await idsOf(''), ids.slice(0, 10));
  t.deepEqual(await idsOf('&limit=1'), ids.slice(0, 1));
  t.deepEqual(await idsOf('&limit=1000'), ids);
});

test('6. before and after are strict', async (t) => {
  const { user } = await createTestApi(t);
  const pins: { requestid: string; created: string }[] = [];
  for (let i = 0; i < 3; i++) pins.push((await user.call('POST', '/pins', { body: { cid: CID } })).json);
  const [oldest, middle, newest] = pins;
  const idsOf = async (query: string) =>
    (await user.call('GET', `/pins?status=queued&${query}`)).json.results.map(({ requestid }: { requestid: string }) => requestid);
  t.deepEqual(await idsOf(`before=${middle?.created}`), [oldest?.requestid]);
  t.deepEqual(await idsOf(`after=${middle?.created}`), [newest?.requestid]);
  t.deepEqual(await idsOf(`after=${oldest?.created}&before=${newest?.created}`), [middle?.requestid]);
});

test('6. a cursor finer than a millisecond lies between two of them', async (t) => {
  const { user } = await createTestApi(t);
  const { created, requestid } = (await user.call('POST', '/pins', { body: { cid: CID } })).json;
  const finer = created.replace('Z', '456Z');
  const exact = created.replace('Z', '000Z');
  const countOf = async (query: string) => (await user.call('GET', `/pins?status=queued&${query}`)).json.count;
  t.is(await countOf(`before=${finer}`), 1, `${requestid} is before ${finer}`);
  t.is(await countOf(`after=${finer}`), 0);
  t.is(await countOf(`before=${exact}`), 0);
  t.is(await countOf(`after=${exact}`), 0);
});

test('7. count is all that match, before included, whatever the limit', async (t) => {
  const { user } = await createTestApi(t);
  const created: string[] = [];
  for (let i = 0; i < 5; i++) created.push((await user.call('POST', '/pins', { body: { cid: CID } })).json.created);
  const first = (await user.call('GET', '/pins?status=queued&limit=2')).json;
  t.is(first.count, 5);
  t.is(first.results.length, 2);
  const second = (await user.call('GET', `/pins?status=queued&limit=2&before=${first.results[1].created}`)).json;
  t.is(second.count, 3);
  const last = (await user.call('GET', `/pins?status=queued&limit=2&before=${second.results[1].created}`)).json;
  t.is(last.count, 1);
  t.is(last.results.length, 1);
});

test('9. pinned only is the default, unless cid, name or meta is given', async (t) => {
  const { user } = await createTestApi(t);
  await user.call('POST', '/pins', { body: { cid: CID, name: 'n', meta: { k: 'v' } } });
  const countOf = async (query: string) => (await user.call('GET', `/pins${query}`)).json.count;
  t.is(await countOf(''), 0);
  t.is(await countOf('?limit=5&match=exact'), 0);
  t.is(await countOf('?before=2100-01-01T00:00:00Z'), 0);
  t.is(await countOf(`?cid=${CID}`), 1);
  t.is(await countOf('?name=n'), 1);
  t.is(await countOf('?meta=%7B%22k%22%3A%22v%22%7D'), 1);
  t.is(await countOf('?name=n&status=pinned'), 0, 'a status that is given holds');
});

test("10. delegates are the hot tier's addresses, also the last known ones while it is down", async (t) => {
  const { user } = await createTestApi(t, { hotStatus: () => ({ ...HOT_UP, up: false, detail: 'restarting' }) });
  t.deepEqual((await user.call('POST', '/pins', { body: { cid: CID } })).json.delegates, HOT_UP.addresses);
});

test('10. before any delegate is known nothing is accepted: 503 with Retry-After', async (t) => {
  let known = false;
  const { user } = await createTestApi(t, { hotStatus: () => (known ? HOT_UP : { up: false, detail: 'starting', addresses: [] }) });
  const refused = await user.call('POST', '/pins', { body: { cid: CID } });
  t.is(refused.status, 503);
  t.is(refused.json.error.reason, 'UNAVAILABLE');
  t.true(Number(refused.headers.get('retry-after')) > 0);
  t.is((await user.call('GET', '/pins?status=queued')).json.count, 0, 'nothing was kept');
  known = true;
  const { requestid } = (await user.call('POST', '/pins', { body: { cid: CID } })).json;
  known = false;
  t.is((await user.call('GET', `/pins/${requestid}`)).status, 503);
  t.is((await user.call('POST', `/pins/${requestid}`, { body: { cid: CID } })).status, 503);
  t.is((await user.call('DELETE', `/pins/${requestid}`)).status, 202, 'removing needs no delegates');
});

test('10. origins are kept for the fetch and never shown', async (t) => {
  const { user, pins } = await createTestApi(t);
  const origin = `/ip4/147.75.80.110/tcp/4001/p2p/${HOT_UP.peerId}`;
  const added = (await user.call('POST', '/pins', { body: { cid: CID, origins: [origin] } })).json;
  t.deepEqual(added.pin, { cid: CID });
  t.deepEqual((await user.call('GET', `/pins/${added.requestid}`)).json.pin, { cid: CID });
  t.deepEqual((await pins.nextQueued(user.account.id, () => false)).next?.origins, [origin]);
});

test('11. optional fields are left out and not null; unknown ones are dropped', async (t) => {
  const { user } = await createTestApi(t);
  const plain = (await user.call('POST', '/pins', { body: { cid: CID } })).json;
  t.deepEqual(Object.keys(plain).sort(), ['created', 'delegates', 'pin', 'requestid', 'status']);
  t.deepEqual(plain.pin, { cid: CID });
  const full = { cid: CID, name: 'ünïcode 🎈', meta: { a: 'b', 'with space': '' } };
  const given = (await user.call('POST', '/pins', { body: { ...full, colour: 'red' }, lenient: true })).json;
  t.deepEqual(given.pin, full);
});

test('11. meta may have a key named __proto__, and it is only a key', async (t) => {
  const { user } = await createTestApi(t);
  const body = `{"cid":"${CID}","__proto__":{"polluted":true},"meta":{"__proto__":"x","constructor":"y"}}`;
  const added = await user.call('POST', '/pins', { body, lenient: true });
  t.is(added.status, 202);
  t.true(added.text.includes('"meta":{"__proto__":"x","constructor":"y"}'), added.text);
  t.is(({} as Record<string, unknown>).polluted, undefined);
  t.is((await user.call('GET', '/pins?meta[__proto__]=x&meta[constructor]=y')).json.count, 1);
  t.is((await user.call('GET', '/pins?meta[toString]=x')).json.count, 0);
});

test('13. a pin that waits says why', async (t) => {
  const { user, pins } = await createTestApi(t, {
    fetches: { ...IDLE, held: () => ({ code: 'gc', text: 'waiting: garbage collection' }) },
  });
  const { info, requestid } = (await user.call('POST', '/pins', { body: { cid: CID } })).json;
  t.deepEqual(info, { status_details: 'waiting: garbage collection' });
  await pins.beginFetch(CID, 'ours');
  await pins.endFetch(CID, { kind: 'later', notBeforeMs: 0, reason: { code: 'stalled', text: 'no block for 5 minutes; trying again' } });
  t.deepEqual((await user.call('GET', `/pins/${requestid}`)).json.info, {
    status_details: 'no block for 5 minutes; trying again; waiting: garbage collection',
  });
});

test('13. a pin that is being fetched says how far it is', async (t) => {
  let progress: FetchProgress | undefined;
  const { user, pins } = await createTestApi(t, { fetches: { ...IDLE, progress: () => progress } });
  const { requestid } = (await user.call('POST', '/pins', { body: { cid: CID } })).json;
  await pins.beginFetch(CID, 'ours');
  const seen = async () => {
    const { status, info } = (await user.call('GET', `/pins/${requestid}`)).json;
    t.is(status, 'pinning');
    return info;
  };
  t.is(await seen(), undefined);
  progress = { blocks: 1, bytes: 1023 };
  t.deepEqual(await seen(), { status_details: 'fetching: 1 block, 1023 B' });
  progress = { blocks: 12, bytes: 3_250_000 };
  t.deepEqual(await seen(), { status_details: 'fetching: 12 blocks, 3.1 MiB' });
});

test('13. a pinned pin says how big it is, a failed one why, alone and in lists', async (t) => {
  const { user, pins } = await createTestApi(t);
  const failing = createCid('two').toString();
  const good = (await user.call('POST', '/pins', { body: { cid: CID } })).json;
  const bad = (await user.call('POST', '/pins', { body: { cid: failing } })).json;
  for (const cid of [CID, failing]) await pins.beginFetch(cid, 'ours');
  await pins.endFetch(CID, { kind: 'pinned', sizeBytes: 1_234_567, blocks: 5 });
  await pins.endFetch(failing, { kind: 'failed', reason: { code: 'too_many_bytes', text: 'larger than 31 GiB' } });
  const pinned = (await user.call('GET', `/pins/${good.requestid}`)).json;
  t.is(pinned.status, 'pinned');
  t.deepEqual(pinned.info, { dag_size: '1234567', tier: 'hot' });
  const failed = (await user.call('GET', `/pins/${bad.requestid}`)).json;
  t.is(failed.status, 'failed');
  t.deepEqual(failed.info, { status_details: 'larger than 31 GiB' });
  t.deepEqual((await user.call('GET', '/pins?status=pinned,failed')).json.results, [failed, pinned]);
  const again = await user.call('POST', '/pins', { body: { cid: CID } });
  t.is(again.json.status, 'pinned', 'what is held is pinned at once');
  t.deepEqual(again.json.info, { dag_size: '1234567', tier: 'hot' });
});

test('14. CIDs are one content by codec and multihash, and are echoed as they were written', async (t) => {
  const { user } = await createTestApi(t);
  const cid = createDagPbCid('many forms');
  const forms = [cid.toString(), cid.toV0().toString(), cid.toString(base36)];
  for (const form of forms) t.is((await user.call('POST', '/pins', { body: { cid: form } })).json.pin.cid, form);
  for (const form of forms) {
    const { count, results } = (await user.call('GET', `/pins?cid=${form}`)).json;
    t.is(count, 3);
    t.deepEqual(
      results.map(({ pin }: { pin: { cid: string } }) => pin.cid),
      forms.toReversed(),
    );
  }
});

test('a blocked CID is refused by name, and the reply says that it is the content', async (t) => {
  const { user, pins } = await createTestApi(t);
  await pins.block(CID, 'takedown 17');
  const refused = await user.call('POST', '/pins', { body: { cid: CID } });
  t.is(refused.status, 451);
  t.is(refused.json.error.reason, 'CID_BLOCKED');
  t.false(refused.text.includes('takedown 17'), 'the note is the operator’s');
});

test('replies are not for caches, and are what they say they are', async (t) => {
  const { url, user } = await createTestApi(t);
  for (const { headers } of [await user.call('GET', '/pins'), await call(t, url, 'GET', '/pins')]) {
    t.is(headers.get('cache-control'), 'no-store');
    t.is(headers.get('x-content-type-options'), 'nosniff');
  }
});

test('HEAD answers as GET does, without the body', async (t) => {
  const { user } = await createTestApi(t);
  const { requestid } = (await user.call('POST', '/pins', { body: { cid: CID } })).json;
  t.is((await user.call('HEAD', '/pins')).status, 200);
  const head = await user.call('HEAD', `/pins/${requestid}`);
  t.is(head.status, 200);
  t.true(Number(head.headers.get('content-length')) > 0);
  t.is((await user.call('HEAD', '/pins/00000000-0000-4000-8000-000000000000')).status, 404);
});

test('a method that a route does not have is a 405 with those it has; a route that is not there is a 404', async (t) => {
  const { user } = await createTestApi(t);
  const put = await user.call('PUT', '/pins', { body: {} });
  t.is(put.status, 405);
  t.is(put.json.error.reason, 'METHOD_NOT_ALLOWED');
  t.is(put.headers.get('allow'), 'GET, HEAD, POST');
  t.is((await user.call('PATCH', '/pins/x', { body: {} })).headers.get('allow'), 'DELETE, GET, HEAD, POST');
  for (const path of ['/', '/nothing', '/pins/', '/PINS', '/pins/a/b', '/pins%2Fa']) {
    const reply = await user.call('GET', path);
    t.is(reply.status, 404, path);
    t.is(reply.json.error.reason, 'NOT_FOUND');
  }
});
