import test, { type ExecutionContext } from 'ava';

import type { PinStore, Range, Store } from '../../daemon/domain/ports.ts';
import { createTestPinStore, openTestPins, StepClock } from '../fixtures/create-pin-store.ts';
import { createContentKey, createPinRequest, createPins } from '../fixtures/create-pins.ts';

const never = () => false;
const REASON = { code: 'stalled', text: 'no block for a while' };

async function drain(pins: PinStore, accountId: string): Promise<string[]> {
  const order: string[] = [];
  for (;;) {
    const { next } = await pins.nextQueued(accountId, never);
    if (next === undefined) return order;
    order.push(next.content.key);
    await pins.beginFetch(next.content.key, 'ours');
  }
}

/** A store that counts the keys it lists. */
function counting(store: Store): Store & { listed: number } {
  const counted = {
    listed: 0,
    get: store.get.bind(store),
    getMany: store.getMany.bind(store),
    range: store.range.bind(store),
    commit: store.commit.bind(store),
    counts: store.counts.bind(store),
    async *keys(range: Range) {
      for await (const key of store.keys(range)) {
        counted.listed += 1;
        yield key;
      }
    },
  } as Store & { listed: number };
  return counted;
}

async function createQueue(t: ExecutionContext, pins: number) {
  const own = await createTestPinStore(t, new StepClock());
  await createPins(own.store, { accountId: 'alice', pins, firstMs: own.clock.ms - 100_000, statusOf: () => 'queued' });
  const store = counting(own.store);
  return { ...own, store, pins: await openTestPins(store, own.clock) };
}

test('an account is served first come, first served', async (t) => {
  const { pins, clock } = await createTestPinStore(t);
  const keys = [5, 3, 9, 1].map(createContentKey);
  for (const contentKey of keys) {
    await pins.add('alice', createPinRequest(0, { contentKey }));
    clock.tick();
  }
  t.deepEqual(await drain(pins, 'alice'), keys);
});

test('a burst within one millisecond keeps its order too', async (t) => {
  const { pins } = await createTestPinStore(t);
  const keys = [5, 3, 9, 1].map(createContentKey);
  for (const contentKey of keys) await pins.add('alice', createPinRequest(0, { contentKey }));
  t.deepEqual(await drain(pins, 'alice'), keys);
});

test("one account's flood is not before another's pin, even of the same CID", async (t) => {
  const { pins } = await createTestPinStore(t);
  for (let number = 0; number < 50; number++) await pins.add('alice', createPinRequest(number));
  await pins.add('bob', createPinRequest(49));
  t.deepEqual(pins.queuedAccounts().sort(), ['alice', 'bob']);
  t.is((await pins.nextQueued('bob', never)).next?.content.key, createContentKey(49));
});

test('what is skipped is passed over, however much it is', async (t) => {
  const { pins } = await createQueue(t, 400);
  const skipped = new Set(Array.from({ length: 399 }, (_, number) => createContentKey(number)));
  t.is((await pins.nextQueued('alice', (key) => skipped.has(key))).next?.content.key, createContentKey(399));
  t.deepEqual(await pins.nextQueued('alice', () => true), {});
  t.is((await pins.nextQueued('alice', never)).next?.content.key, createContentKey(0));
});

test('a long queue is opened and served without reading it all', async (t) => {
  const { pins, store } = await createQueue(t, 2_000);
  t.true(store.listed < 10, `${store.listed} keys were listed at open`);
  store.listed = 0;
  t.is((await pins.nextQueued('alice', never)).next?.content.key, createContentKey(0));
  t.true(store.listed < 10);
});

test('nothing is read while nothing is due, and what comes is not overlooked', async (t) => {
  const { pins, store, clock } = await createQueue(t, 1);
  const contentKey = createContentKey(0);
  await pins.beginFetch(contentKey, 'ours');
  const dueMs = clock.ms + 1_000;
  await pins.endFetch(contentKey, { kind: 'later', notBeforeMs: dueMs, reason: REASON });
  t.deepEqual(await pins.nextQueued('alice', never), { dueMs });
  store.listed = 0;
  t.deepEqual(await pins.nextQueued('alice', never), { dueMs });
  t.is(store.listed, 0);
  await pins.add('alice', createPinRequest(7));
  t.is((await pins.nextQueued('alice', never)).next?.content.key, createContentKey(7));
  await pins.beginFetch(createContentKey(7), 'ours');
  clock.tick(1_000);
  t.is((await pins.nextQueued('alice', never)).next?.content.key, contentKey);
});

test('an account with an empty queue is no longer listed', async (t) => {
  const { pins } = await createTestPinStore(t);
  await pins.add('alice', createPinRequest(1));
  t.deepEqual(await drain(pins, 'alice'), [createContentKey(1)]);
  t.deepEqual(pins.queuedAccounts(), []);
  t.deepEqual(await pins.nextQueued('nobody', never), {});
});

test('entries that were put off by a clock a year ahead are due when it was set right', async (t) => {
  const clock = new StepClock();
  const { pins } = await createTestPinStore(t, clock);
  const yearMs = 365 * 86_400_000;
  clock.tick(yearMs);
  await pins.add('alice', createPinRequest(1));
  clock.tick(-yearMs);
  t.is((await pins.nextQueued('alice', never)).next?.content.key, createContentKey(1));
});

test('an entry that no content wants is dropped on the way', async (t) => {
  const own = await createTestPinStore(t);
  await own.pins.add('alice', createPinRequest(1));
  const leftover = `q/alice/${'1'.padStart(15, '0')}/${'1'.padStart(15, '0')}/${createContentKey(2)}`;
  await own.store.commit({ ops: [{ put: leftover, value: {} }] });
  const pins = await own.reopen();
  t.is((await pins.nextQueued('alice', never)).next?.content.key, createContentKey(1));
  t.is(await own.store.get(leftover), undefined);
});

test('the listener hears of everything that makes something due', async (t) => {
  const { pins, clock } = await createTestPinStore(t);
  let heard = 0;
  pins.onDue(() => heard++);
  const told = (): number => {
    const before = heard;
    heard = 0;
    return before;
  };
  const pin = await pins.add('alice', createPinRequest(1));
  t.is(told(), 1, 'a new pin');
  await pins.beginFetch(pin.contentKey, 'ours');
  t.is(told(), 0);
  await pins.endFetch(pin.contentKey, { kind: 'later', notBeforeMs: clock.ms + 1, reason: REASON });
  t.is(told(), 1, 'another try');
  await pins.beginFetch(pin.contentKey, 'ours');
  await pins.endFetch(pin.contentKey, { kind: 'pinned', sizeBytes: 1, blocks: 1 });
  t.is(told(), 0);
  await pins.remove('alice', pin.requestId);
  t.is(told(), 1, 'a release');
});
