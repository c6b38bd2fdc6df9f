import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';

import type { Pin } from '../../daemon/domain/pin.ts';
import type { PinStore } from '../../daemon/domain/ports.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { createTestPinStore, type TestPinStore } from '../fixtures/create-pin-store.ts';
import { createPinRequest } from '../fixtures/create-pins.ts';
import { checkPinInvariants } from './pin-invariants.ts';

const PINNED = { kind: 'pinned', sizeBytes: 10, blocks: 2 } as const;
const FAILED = { kind: 'failed', reason: { code: 'stalled', text: 'nobody has it' } } as const;

const never = () => false;

/** Brings a content in as the reconciler would. */
async function hold(pins: PinStore, contentKey: string): Promise<void> {
  await pins.beginFetch(contentKey, 'ours');
  await pins.endFetch(contentKey, PINNED);
}

async function statusOf(pins: PinStore, { accountId, requestId }: Pin): Promise<string | undefined> {
  return (await pins.get(accountId, requestId))?.status;
}

async function checked(t: ExecutionContext, { store, pins, reopen }: TestPinStore): Promise<void> {
  await checkPinInvariants(t, store, pins);
  await checkPinInvariants(t, store, await reopen());
}

test('a new pin is queued, and can be read by its account alone', async (t) => {
  const { pins, clock } = await createTestPinStore(t);
  const request = createPinRequest(1, { name: 'n', meta: { a: 'b' } });
  const pin = await pins.add('alice', request);
  t.like(pin, { accountId: 'alice', status: 'queued', createdMs: clock.ms, name: 'n', meta: { a: 'b' }, cid: request.cid });
  t.deepEqual(await pins.get('alice', pin.requestId), pin);
  t.is(await pins.get('bob', pin.requestId), undefined);
  await t.throwsAsync(pins.remove('bob', pin.requestId), { code: 'NOT_FOUND' });
  await t.throwsAsync(pins.replace('bob', pin.requestId, request), { code: 'NOT_FOUND' });
  await t.throwsAsync(pins.remove('alice', 'no-such-id'), { code: 'NOT_FOUND' });
  t.deepEqual(await pins.find(pin.requestId), pin);
});

test('origins are kept for the fetch and shown nowhere', async (t) => {
  const own = await createTestPinStore(t);
  const pin = await own.pins.add('alice', createPinRequest(1, { origins: ['/dns/a/p2p/1', '/dns/b/p2p/2'] }));
  await own.pins.add('alice', createPinRequest(1, { origins: ['/dns/c/p2p/3', '/dns/a/p2p/1'] }));
  await own.pins.add('bob', createPinRequest(1, { origins: ['/dns/d/p2p/4'] }));
  t.deepEqual(pin.origins, []);
  const pins = await own.reopen();
  const { next } = await pins.nextQueued('bob', never);
  t.deepEqual(next?.origins, ['/dns/d/p2p/4', '/dns/c/p2p/3', '/dns/a/p2p/1', '/dns/b/p2p/2']);
  await hold(pins, pin.contentKey);
  t.deepEqual(await collect(own.store.keys({ gte: 'w/', lt: 'w0' })), [], 'they go when the pin is held');
});

test('the same CID twice gives two requests, and one fetch settles both', async (t) => {
  const own = await createTestPinStore(t);
  const { pins } = own;
  const one = await pins.add('alice', createPinRequest(1));
  const other = await pins.add('bob', createPinRequest(1));
  t.not(one.requestId, other.requestId);
  t.true(await pins.beginFetch(one.contentKey, 'ours'));
  t.is(await statusOf(pins, one), 'pinning');
  t.is((await pins.add('carol', createPinRequest(1))).status, 'pinning', 'a third joins the fetch');
  t.false(await pins.beginFetch(one.contentKey, 'ours'), 'it is not fetched twice');
  t.true(await pins.endFetch(one.contentKey, PINNED));
  t.is(await statusOf(pins, one), 'pinned');
  t.is(await statusOf(pins, other), 'pinned');
  t.is((await pins.add('alice', createPinRequest(1))).status, 'pinned', 'what is held needs no fetch');
  t.like(await pins.content(one.contentKey), { pins: 4, hot: 'pinned', owner: 'ours', sizeBytes: 10, blocks: 2 });
  t.deepEqual(pins.totals(), { queued: 0, pinning: 0, pinned: 4, failed: 0 });
  t.deepEqual(pins.accountTotals('alice'), { queued: 0, pinning: 0, pinned: 2, failed: 0 });
  t.deepEqual(pins.queuedAccounts().length > 0 ? await pins.nextQueued('bob', never) : {}, {});
  await checked(t, own);
});

test('a failed content shows why, and a new pin of it queues the older ones anew', async (t) => {
  const own = await createTestPinStore(t);
  const { pins, clock } = own;
  const one = await pins.add('alice', createPinRequest(1));
  await pins.beginFetch(one.contentKey, 'ours');
  t.true(await pins.endFetch(one.contentKey, FAILED));
  t.like(await pins.get('alice', one.requestId), { status: 'failed', reason: FAILED.reason });
  t.deepEqual((await pins.list('alice', { match: 'exact', limit: 10, statuses: ['failed'] })).pins[0]?.reason, FAILED.reason);
  t.deepEqual(await pins.nextQueued('alice', never), {});
  clock.tick();
  const other = await pins.add('bob', createPinRequest(1));
  t.is(other.status, 'queued');
  t.deepEqual(await pins.get('alice', one.requestId), { ...one, status: 'queued' }, 'the reason is gone too');
  t.like(await pins.content(one.contentKey), { attempts: 0, wantedSinceMs: clock.ms });
  t.is((await pins.nextQueued('alice', never)).next?.content.key, one.contentKey);
  t.is((await pins.nextQueued('bob', never)).next?.content.key, one.contentKey);
  await checked(t, own);
});

test('a try later counts as an attempt unless it is free, and keeps the content from being fetched before', async (t) => {
  const { pins, clock } = await createTestPinStore(t);
  const { contentKey } = await pins.add('alice', createPinRequest(1));
  const reason = { code: 'stalled', text: 'no block for a while' };
  await pins.beginFetch(contentKey, 'ours');
  const notBeforeMs = clock.ms + 500;
  t.true(await pins.endFetch(contentKey, { kind: 'later', notBeforeMs, reason }));
  t.like(await pins.content(contentKey), { attempts: 1, hot: 'wanted', notBeforeMs, reason });
  t.deepEqual(await pins.nextQueued('alice', never), { dueMs: notBeforeMs });
  await pins.add('bob', createPinRequest(1));
  t.deepEqual(await pins.nextQueued('bob', never), { dueMs: notBeforeMs }, 'a pin that brings nothing new waits as well');
  clock.tick(500);
  t.is((await pins.nextQueued('alice', never)).next?.content.key, contentKey);
  await pins.beginFetch(contentKey, 'ours');
  await pins.endFetch(contentKey, { kind: 'later', notBeforeMs: clock.ms, reason, free: true });
  t.is((await pins.content(contentKey))?.attempts, 1);
});

test('a pin that brings an origin need not wait for the next try', async (t) => {
  const { pins, clock } = await createTestPinStore(t);
  const { contentKey } = await pins.add('alice', createPinRequest(1));
  await pins.beginFetch(contentKey, 'ours');
  await pins.endFetch(contentKey, { kind: 'later', notBeforeMs: clock.ms + 60_000, reason: FAILED.reason });
  await pins.add('bob', createPinRequest(1, { origins: ['/dns/a/p2p/1'] }));
  t.deepEqual((await pins.nextQueued('bob', never)).next?.origins, ['/dns/a/p2p/1']);
  t.deepEqual(await pins.nextQueued('alice', never), { dueMs: clock.ms + 60_000 });
  t.is((await pins.content(contentKey))?.attempts, 0);
});

test('with the last pin the hot copy is released, and the record goes when it has gone', async (t) => {
  const own = await createTestPinStore(t);
  const { pins } = own;
  const one = await pins.add('alice', createPinRequest(1));
  const other = await pins.add('bob', createPinRequest(1));
  await hold(pins, one.contentKey);
  t.like(await pins.remove('alice', one.requestId), { requestId: one.requestId, status: 'pinned' });
  t.is(await statusOf(pins, one), undefined);
  t.deepEqual(await pins.releasing(10), []);
  await pins.remove('bob', other.requestId);
  t.like(await pins.releasing(10), [{ key: one.contentKey, hot: 'releasing', pins: 0 }]);
  await checked(t, own);
  await pins.released(one.contentKey);
  t.is(await pins.content(one.contentKey), undefined);
  t.deepEqual(await pins.releasing(10), []);
  const left = (await collect(own.store.keys({ gte: 'b', lt: 'z' }))).filter((key) => !/^[hk]\//.test(key));
  t.deepEqual(left, [`il/${one.contentKey}`], 'but for a word to the index of blocks');
});

test('contents to release come oldest first', async (t) => {
  const { pins, clock } = await createTestPinStore(t);
  const added = [
    await pins.add('a', createPinRequest(1)),
    await pins.add('a', createPinRequest(2)),
    await pins.add('a', createPinRequest(3)),
  ];
  for (const { contentKey } of added) await hold(pins, contentKey);
  for (const index of [2, 0, 1]) {
    clock.tick();
    await pins.remove('a', added[index]?.requestId ?? '');
  }
  const order = [2, 0, 1].map((index) => added[index]?.contentKey);
  t.deepEqual(
    (await pins.releasing(10)).map(({ key }) => key),
    order,
  );
  await pins.released(order[0] ?? '');
  t.deepEqual(
    (await pins.releasing(1)).map(({ key }) => key),
    order.slice(1, 2),
  );
});

test('a pin that somebody else made in the hot tier is not released', async (t) => {
  const { pins } = await createTestPinStore(t);
  const { contentKey, requestId } = await pins.add('alice', createPinRequest(1));
  await pins.beginFetch(contentKey, 'foreign');
  await pins.endFetch(contentKey, PINNED);
  t.is((await pins.content(contentKey))?.owner, 'foreign');
  await pins.remove('alice', requestId);
  t.deepEqual(await pins.releasing(10), []);
  t.is(await pins.content(contentKey), undefined);
});

test('a pin that was ours stays ours when it is found again after a crash', async (t) => {
  const own = await createTestPinStore(t);
  const { contentKey } = await own.pins.add('alice', createPinRequest(1));
  await own.pins.beginFetch(contentKey, 'ours');
  const pins = await own.reopen();
  t.deepEqual(await pins.recoverFetches(), [contentKey]);
  await pins.beginFetch(contentKey, 'foreign');
  await pins.endFetch(contentKey, PINNED);
  t.is((await pins.content(contentKey))?.owner, 'ours');
});

test('removing the last pin during a fetch ends it, and what it brought is released', async (t) => {
  const own = await createTestPinStore(t);
  const { pins } = own;
  const unwanted: string[] = [];
  pins.onUnwanted((contentKey) => unwanted.push(contentKey));
  const { contentKey, requestId } = await pins.add('alice', createPinRequest(1));
  await pins.beginFetch(contentKey, 'ours');
  await pins.remove('alice', requestId);
  t.deepEqual(unwanted, [contentKey]);
  t.deepEqual(await pins.releasing(10), [], 'not while the fetch may still pin it');
  await checked(t, own);
  t.false(await pins.endFetch(contentKey, PINNED));
  t.deepEqual(
    (await pins.releasing(10)).map(({ key }) => key),
    [contentKey],
  );
  await checked(t, own);
});

test('a content that nobody fetches goes at once with its last pin', async (t) => {
  const own = await createTestPinStore(t);
  const { contentKey, requestId } = await own.pins.add('alice', createPinRequest(1));
  await own.pins.remove('alice', requestId);
  t.is(await own.pins.content(contentKey), undefined);
  t.deepEqual(await own.pins.nextQueued('alice', never), {});
  t.false(await own.pins.beginFetch(contentKey, 'ours'));
  t.false(await own.pins.endFetch(contentKey, PINNED));
  await checked(t, own);
});

test('a pin that comes back during a release waits until it is over, and is fetched then', async (t) => {
  const own = await createTestPinStore(t);
  const { pins } = own;
  const gone = await pins.add('alice', createPinRequest(1));
  await hold(pins, gone.contentKey);
  await pins.remove('alice', gone.requestId);
  t.is((await pins.releasing(10)).length, 1);
  const back = await pins.add('alice', createPinRequest(1));
  t.is(back.status, 'queued', 'the unpin may be under way');
  t.deepEqual(await pins.nextQueued('alice', never), {});
  t.false(await pins.beginFetch(back.contentKey, 'ours'));
  t.is((await pins.releasing(10)).length, 1, 'it is still to be unpinned');
  await checked(t, own);
  let due = 0;
  pins.onDue(() => due++);
  await pins.released(back.contentKey);
  t.is(due, 1);
  t.is((await pins.nextQueued('alice', never)).next?.content.key, back.contentKey);
  t.like(await pins.content(back.contentKey), { hot: 'wanted', owner: 'none', pins: 1 });
  await hold(pins, back.contentKey);
  t.is(await statusOf(pins, back), 'pinned');
  await pins.released(back.contentKey);
  t.is(await statusOf(pins, back), 'pinned', 'a late word about the old release changes nothing');
  await checked(t, own);
});

test('replace gives a new request and ends the old one, in one commit', async (t) => {
  const own = await createTestPinStore(t);
  const { pins, clock } = own;
  const old = await pins.add('alice', createPinRequest(1, { name: 'old', meta: { a: 'b' } }));
  await hold(pins, old.contentKey);
  clock.tick();
  const before = own.store.counts();
  const pin = await pins.replace('alice', old.requestId, createPinRequest(2));
  t.like(pin, { status: 'queued', createdMs: clock.ms, name: undefined, meta: undefined });
  t.not(pin.requestId, old.requestId);
  t.is(await pins.get('alice', old.requestId), undefined);
  t.deepEqual(own.store.counts(), { ...before, o: 2 });
  t.deepEqual(
    (await pins.releasing(10)).map(({ key }) => key),
    [old.contentKey],
  );
  await checked(t, own);
});

test('replacing a pin by one of the same CID neither releases nor fetches it', async (t) => {
  const own = await createTestPinStore(t);
  const { pins } = own;
  const old = await pins.add('alice', createPinRequest(1));
  await hold(pins, old.contentKey);
  const pin = await pins.replace('alice', old.requestId, createPinRequest(1, { name: 'new' }));
  t.like(pin, { status: 'pinned', name: 'new' });
  t.deepEqual(await pins.releasing(10), []);
  t.is((await pins.content(pin.contentKey))?.pins, 1);
  await checked(t, own);
});

test('a pin can be removed or replaced once', async (t) => {
  const own = await createTestPinStore(t);
  const { pins } = own;
  const pin = await pins.add('alice', createPinRequest(1));
  const outcomes = await Promise.allSettled([
    pins.remove('alice', pin.requestId),
    pins.replace('alice', pin.requestId, createPinRequest(2)),
    pins.remove('alice', pin.requestId),
  ]);
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  t.is(refused.length, 2);
  for (const outcome of refused) t.like(outcome, { reason: { code: 'NOT_FOUND' } });
  await checked(t, own);
});

test('created is never given twice: not after the newest pin was removed, the clock set back, or a restart', async (t) => {
  const own = await createTestPinStore(t);
  const first = await own.pins.add('alice', createPinRequest(1));
  await own.pins.remove('alice', first.requestId);
  own.clock.ms -= 3_600_000;
  let pins = await own.reopen();
  const second = await pins.add('alice', createPinRequest(1));
  t.is(second.createdMs, first.createdMs + 1);
  pins = await own.reopen();
  t.is((await pins.add('alice', createPinRequest(2))).createdMs, first.createdMs + 2);
});

test('requests that come together get different times, in the order of the listing', async (t) => {
  const own = await createTestPinStore(t);
  const added = await Promise.all(Array.from({ length: 200 }, (_, index) => own.pins.add('alice', createPinRequest(index % 3))));
  t.is(new Set(added.map(({ createdMs }) => createdMs)).size, 200);
  const page = await own.pins.list('alice', { match: 'exact', limit: 1000 });
  t.is(page.count, 200);
  t.deepEqual(
    page.pins.map(({ createdMs }) => createdMs),
    added.map(({ createdMs }) => createdMs).sort((a, b) => b - a),
  );
  await checked(t, own);
});

test('retry queues a failed or waiting content anew and leaves others alone', async (t) => {
  const own = await createTestPinStore(t);
  const { pins, clock } = own;
  const pin = await pins.add('alice', createPinRequest(1));
  await pins.beginFetch(pin.contentKey, 'ours');
  t.is((await pins.retry(pin)).status, 'pinning');
  await pins.endFetch(pin.contentKey, FAILED);
  clock.tick(1_000);
  t.deepEqual(await pins.retry(pin), { ...pin, status: 'queued' });
  t.like(await pins.content(pin.contentKey), { attempts: 0, wantedSinceMs: clock.ms });
  await pins.beginFetch(pin.contentKey, 'ours');
  await pins.endFetch(pin.contentKey, { kind: 'later', notBeforeMs: clock.ms + 60_000, reason: FAILED.reason });
  await pins.retry(pin);
  t.is((await pins.nextQueued('alice', never)).next?.content.key, pin.contentKey);
  await hold(pins, pin.contentKey);
  t.is((await pins.retry(pin)).status, 'pinned');
  await pins.remove('alice', pin.requestId);
  await t.throwsAsync(pins.retry(pin), { code: 'NOT_FOUND' });
  await checked(t, own);
});

test('a blocked CID fails its pins, releases its copy and takes no new ones, until it is unblocked', async (t) => {
  const own = await createTestPinStore(t);
  const { pins, clock } = own;
  const pin = await pins.add('alice', createPinRequest(1));
  await pins.add('bob', createPinRequest(1));
  await hold(pins, pin.contentKey);
  t.deepEqual(await pins.block(pin.contentKey, 'case 12'), { pins: 2 });
  t.like(await pins.get('alice', pin.requestId), { status: 'failed', reason: { code: 'blocked' } });
  t.deepEqual(pins.accountTotals('bob'), { queued: 0, pinning: 0, pinned: 0, failed: 1 });
  t.deepEqual(await collect(pins.blocked()), [{ contentKey: pin.contentKey, note: 'case 12', atMs: clock.ms }]);
  await t.throwsAsync(pins.add('carol', createPinRequest(1)), { code: 'CID_BLOCKED' });
  await t.throwsAsync(pins.retry(pin), { code: 'CID_BLOCKED' });
  await t.throwsAsync(pins.replace('alice', pin.requestId, createPinRequest(1)), { code: 'CID_BLOCKED' });
  await checked(t, own);
  t.is((await pins.releasing(10)).length, 1);
  await pins.released(pin.contentKey);
  t.like(await pins.content(pin.contentKey), { hot: 'failed', owner: 'none', pins: 2 });
  const other = CID.createV1(0x71, CID.parse(pin.contentKey).multihash).toString();
  t.true((await pins.standing(other)).isBlocked, 'nor is it had by another codec');
  await t.throwsAsync(pins.add('alice', createPinRequest(1, { cid: other, contentKey: other })), { code: 'CID_BLOCKED' });
  await pins.unblock(pin.contentKey);
  t.deepEqual(await collect(pins.blocked()), []);
  t.is(await statusOf(pins, pin), 'failed', 'it is for the owner to ask again');
  t.is((await pins.retry(pin)).status, 'queued');
  await checked(t, own);
});

test('a CID that is blocked while it is fetched ends up failed and released', async (t) => {
  const own = await createTestPinStore(t);
  const { pins } = own;
  const unwanted: string[] = [];
  pins.onUnwanted((contentKey) => unwanted.push(contentKey));
  const pin = await pins.add('alice', createPinRequest(1));
  await pins.beginFetch(pin.contentKey, 'ours');
  await pins.block(pin.contentKey, '');
  t.deepEqual(unwanted, [pin.contentKey]);
  t.is(await statusOf(pins, pin), 'failed');
  t.false(await pins.endFetch(pin.contentKey, PINNED));
  t.is((await pins.releasing(10)).length, 1);
  await checked(t, own);
  await pins.released(pin.contentKey);
  await pins.remove('alice', pin.requestId);
  t.is(await pins.content(pin.contentKey), undefined);
  await checked(t, own);
});

test('a CID can be blocked before anybody has pinned it', async (t) => {
  const { pins } = await createTestPinStore(t);
  const request = createPinRequest(1);
  t.deepEqual(await pins.block(request.contentKey, ''), { pins: 0 });
  await t.throwsAsync(pins.add('alice', request), { code: 'CID_BLOCKED' });
});

test('a held content that has vanished is queued for everybody who pinned it', async (t) => {
  const own = await createTestPinStore(t);
  const { pins } = own;
  const pin = await pins.add('alice', createPinRequest(1));
  await pins.add('bob', createPinRequest(1));
  t.false(await pins.vanished(pin.contentKey), 'it is not held yet');
  await hold(pins, pin.contentKey);
  t.deepEqual(
    (await collect(pins.held())).map(({ key }) => key),
    [pin.contentKey],
  );
  t.true(await pins.vanished(pin.contentKey));
  t.deepEqual(pins.totals(), { queued: 2, pinning: 0, pinned: 0, failed: 0 });
  t.deepEqual(await collect(pins.held()), []);
  t.is((await pins.nextQueued('bob', never)).next?.content.key, pin.contentKey);
  await checked(t, own);
});

test('removing all pins of an account leaves those of others', async (t) => {
  const own = await createTestPinStore(t);
  const { pins } = own;
  for (let index = 0; index < 450; index++) await pins.add('alice', createPinRequest(index % 130));
  const other = await pins.add('bob', createPinRequest(1));
  await hold(pins, other.contentKey);
  await hold(pins, createPinRequest(2).contentKey);
  t.is(await pins.removeAll('alice'), 450);
  t.is(await pins.removeAll('alice'), 0);
  t.deepEqual(pins.totals(), { queued: 0, pinning: 0, pinned: 1, failed: 0 });
  t.deepEqual(
    (await pins.releasing(10)).map(({ key }) => key),
    [createPinRequest(2).contentKey],
  );
  await checked(t, own);
});

test('fetches that were in flight go back to the head of their queues', async (t) => {
  const own = await createTestPinStore(t);
  const first = await own.pins.add('alice', createPinRequest(1));
  own.clock.tick();
  await own.pins.add('alice', createPinRequest(2));
  await own.pins.beginFetch(first.contentKey, 'ours');
  own.clock.tick(10_000);
  const pins = await own.reopen();
  t.is(await statusOf(pins, first), 'pinning');
  t.deepEqual(await pins.recoverFetches(), [first.contentKey]);
  t.is(await statusOf(pins, first), 'queued');
  t.is((await pins.nextQueued('alice', never)).next?.content.key, first.contentKey);
  t.is((await pins.content(first.contentKey))?.attempts, 0);
  t.deepEqual(await pins.recoverFetches(), []);
  await pins.beginFetch(first.contentKey, 'ours');
  t.deepEqual(await pins.recoverFetches((contentKey) => contentKey === first.contentKey), [], 'what runs is left alone');
});

test('the log of a pin begins with its acceptance and has what happened to its content since', async (t) => {
  const { pins, clock } = await createTestPinStore(t);
  const early = await pins.add('alice', createPinRequest(1));
  await pins.beginFetch(early.contentKey, 'ours');
  await pins.endFetch(early.contentKey, FAILED);
  clock.tick();
  await pins.retry(early);
  await hold(pins, early.contentKey);
  clock.tick();
  const late = await pins.add('alice', createPinRequest(1));
  t.deepEqual(
    (await pins.events(early)).map(({ event }) => event),
    ['accepted', 'fetching', 'failed', 'retried', 'fetching', 'pinned'],
  );
  t.deepEqual(
    (await pins.events(late)).map(({ event, atMs }) => ({ event, atMs })),
    [
      { event: 'accepted', atMs: clock.ms },
      { event: 'pinned', atMs: clock.ms },
    ],
  );
});

test('the log of a content is bounded', async (t) => {
  const { pins, clock } = await createTestPinStore(t);
  const pin = await pins.add('alice', createPinRequest(1));
  for (let round = 0; round < 50; round++) {
    await pins.beginFetch(pin.contentKey, 'ours');
    await pins.endFetch(pin.contentKey, { kind: 'later', notBeforeMs: clock.ms, reason: FAILED.reason, free: true });
  }
  t.is((await pins.events(pin)).length, 1 + 64);
});

test('an index entry that is missing is damage, and the store is not opened', async (t) => {
  const own = await createTestPinStore(t);
  await own.pins.add('alice', createPinRequest(1));
  const [key = ''] = await collect(own.store.keys({ gte: 'x/', lt: 'x0' }));
  const entry = await own.store.get(key);
  await own.store.commit({ expect: { [key]: entry?.version ?? null }, ops: [{ del: key }] });
  await t.throwsAsync(own.reopen(), { code: 'STORE_DAMAGED' });
});
