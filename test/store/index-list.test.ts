import { randomUUID } from 'node:crypto';
import test from 'ava';

import type { Store } from '../../daemon/domain/ports.ts';
import { createLog } from '../../daemon/log.ts';
import { openBlockIndex } from '../../daemon/store/block-index.ts';
import { COUNTED_TYPES, type OpenedPinStore, openPinStore } from '../../daemon/store/pin-store.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { MemoryStore } from '../fixtures/create-memory-store.ts';
import { StepClock } from '../fixtures/create-pin-store.ts';
import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';
import { MortalStore } from './mortal-store.ts';

const clock = new StepClock();
const log = createLog('silent');
const contentKey = createContentKey(1);

async function create() {
  const store = new MemoryStore({ countedTypes: COUNTED_TYPES });
  return { store, pins: await openPinStore({ store, clock, log, randomUUID }) };
}

async function hold(pins: OpenedPinStore, blocks: number, key = contentKey): Promise<void> {
  await pins.beginFetch(key, 'ours');
  await pins.endFetch(key, { kind: 'pinned', sizeBytes: 100, blocks });
}

async function listed(store: Store): Promise<string[]> {
  return (await collect(store.keys({ gte: 'il/', lt: 'il0' }))).map((key) => key.slice('il/'.length));
}

async function unlist(store: Store): Promise<void> {
  await store.commit({ ops: (await listed(store)).map((key) => ({ del: `il/${key}` })) });
}

/** Each happens to a held content with one pin of alice's. */
const EVENTS: Readonly<Record<string, (pins: OpenedPinStore, requestId: string) => Promise<unknown>>> = {
  'its last pin goes': (pins, requestId) => pins.remove('alice', requestId),
  'its last pin is replaced': (pins, requestId) => pins.replace('alice', requestId, createPinRequest(99)),
  'its account goes': (pins) => pins.removeAll('alice'),
  'it is blocked': (pins) => pins.block(contentKey, ''),
  'every copy of it is lost': async (pins) => {
    await pins.vanishedToCold(contentKey);
    await pins.lose(contentKey, { code: 'lost', text: '' });
  },
};

for (const [what, happen] of Object.entries(EVENTS)) {
  test(`a content of several blocks is listed when it comes to be held, and when ${what}`, async (t) => {
    const { store, pins } = await create();
    const { requestId } = await pins.add('alice', createPinRequest(1));
    t.deepEqual(await listed(store), []);
    await hold(pins, 2);
    t.deepEqual(await listed(store), [contentKey]);
    await unlist(store);
    await happen(pins, requestId);
    t.deepEqual(await listed(store), [contentKey]);
  });

  test(`a content of one block is never listed, not when ${what} either`, async (t) => {
    const { store, pins } = await create();
    const { requestId } = await pins.add('alice', createPinRequest(1));
    await hold(pins, 1);
    await happen(pins, requestId);
    t.deepEqual(await listed(store), []);
  });
}

test('what a fetch has left is looked at when the content is given up, and when nobody wants it any more', async (t) => {
  const { store, pins } = await create();
  await pins.add('alice', createPinRequest(1));
  await pins.beginFetch(contentKey, 'ours');
  await pins.endFetch(contentKey, { kind: 'failed', reason: { code: 'too_many_bytes', text: '' } });
  t.deepEqual(await listed(store), [contentKey]);
  const { requestId } = await pins.add('alice', createPinRequest(2));
  await pins.beginFetch(createContentKey(2), 'foreign');
  await pins.endFetch(createContentKey(2), { kind: 'later', notBeforeMs: 0, reason: { code: 'stalled', text: '' } });
  t.deepEqual(await listed(store), [contentKey]);
  await unlist(store);
  await pins.remove('alice', requestId);
  t.deepEqual(await listed(store), [createContentKey(2)]);
});

test('let go to be kept cold, its index is left alone; hot again, it is looked at', async (t) => {
  const { store, pins } = await create();
  await pins.add('alice', createPinRequest(1));
  await hold(pins, 2);
  await unlist(store);
  await pins.evict(contentKey, '');
  await pins.released(contentKey);
  await pins.beginWarm(contentKey);
  t.deepEqual(await listed(store), []);
  await pins.endWarm(contentKey, { sizeBytes: 100, blocks: 2 });
  t.deepEqual(await listed(store), [contentKey]);
});

test('what was held before there was an index is listed once, however often that is cut off', async (t) => {
  const { store, pins } = await create();
  const numbers = Array.from({ length: 1_200 }, (_, number) => number);
  await Promise.all(
    numbers.map(async (number) => {
      await pins.add('alice', createPinRequest(number));
      await hold(pins, number % 3 === 0 ? 1 : 2, createContentKey(number));
    }),
  );
  await unlist(store);
  for (const when of ['before', 'after'] as const) {
    const cutOff = await openBlockIndex({ store: new MortalStore(store, { commits: 1, when }), log });
    await cutOff.settled();
  }
  t.is((await listed(store)).length, 500, 'it was cut off');
  await (await openBlockIndex({ store, log })).settled();
  t.is((await listed(store)).length, 800);
  await unlist(store);
  await (await openBlockIndex({ store, log })).settled();
  t.is((await listed(store)).length, 0, 'only once');
});

test('a content that changes while it is looked at stays on the list', async (t) => {
  const { store, pins } = await create();
  const index = await openBlockIndex({ store, log });
  const { requestId } = await pins.add('alice', createPinRequest(1));
  await hold(pins, 2);
  const [before] = await collect(index.listed());
  await pins.remove('alice', requestId);
  if (before !== undefined) await index.settle(before);
  const [after] = await collect(index.listed());
  t.is(after?.contentKey, contentKey);
  if (after !== undefined) await index.settle(after);
  t.deepEqual(await collect(index.listed()), []);
});
