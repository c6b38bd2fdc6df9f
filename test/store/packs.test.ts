import test, { type ExecutionContext } from 'ava';

import type { PinStore, Store } from '../../daemon/domain/ports.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { PACK_ROWS } from '../../daemon/store/pins/pack-codec.ts';
import { createTestPinStore } from '../fixtures/create-pin-store.ts';
import { createPinRequest, createPins } from '../fixtures/create-pins.ts';

const FIRST_MS = 1_600_000_000_000;

const keysOf = (store: Store, type: string) => collect(store.keys({ gte: `${type}/`, lt: `${type}0` }));

async function listed(pins: PinStore, accountId = 'alice'): Promise<number[]> {
  const created: number[] = [];
  for (let beforeMs: number | undefined; ; ) {
    const page = await pins.list(accountId, { match: 'exact', limit: 1000, ...(beforeMs === undefined ? {} : { beforeMs }) });
    if (page.pins.length === 0) return created;
    created.push(...page.pins.map(({ createdMs }) => createdMs));
    beforeMs = created.at(-1);
  }
}

async function remove(pins: PinStore, numbers: Iterable<number>): Promise<void> {
  await Promise.all(Array.from(numbers, (number) => pins.remove('alice', `request-alice-${number}`)));
}

function* every(step: number, to: number): Iterable<number> {
  for (let number = 0; number < to; number += step) yield number;
}

async function createPacked(t: ExecutionContext, pins: number) {
  const own = await createTestPinStore(t);
  await createPins(own.store, {
    accountId: 'alice',
    pins,
    firstMs: FIRST_MS,
    statusOf: (number) => (number % 3 === 0 ? 'failed' : 'pinned'),
  });
  const opened = await own.reopen();
  await opened.settled();
  return { ...own, pins: opened };
}

test('pins are packed in the background, and read back the same', async (t) => {
  const own = await createPacked(t, 2 * PACK_ROWS + 100);
  t.deepEqual(
    await keysOf(own.store, 'y'),
    [0, PACK_ROWS].map((number) => `y/alice/00${FIRST_MS + number}`),
  );
  const pins = await own.reopen();
  t.deepEqual(await listed(pins), await listed(own.pins));
  t.deepEqual(pins.totals(), own.pins.totals());
  const query = { match: 'ipartial', name: 'img_7', limit: 1000, meta: { app_id: 'app-7' } } as const;
  t.deepEqual(await pins.list('alice', query), await own.pins.list('alice', query));
});

test('a pack is written as soon as there are enough new pins', async (t) => {
  const own = await createPacked(t, PACK_ROWS - 1);
  t.deepEqual(await keysOf(own.store, 'y'), []);
  await own.pins.add('alice', createPinRequest(1));
  await own.pins.settled();
  t.is((await keysOf(own.store, 'y')).length, 1);
  t.is((await listed(await own.reopen())).length, PACK_ROWS);
});

test('what is removed from a pack stays removed, and a pack of which half is gone is written anew', async (t) => {
  const own = await createPacked(t, 2 * PACK_ROWS + 10);
  await remove(own.pins, every(2, PACK_ROWS));
  await remove(own.pins, [PACK_ROWS, 2 * PACK_ROWS, 2 * PACK_ROWS + 9]);
  const left = await listed(own.pins);
  t.is(left.length, 2 * PACK_ROWS + 10 - PACK_ROWS / 2 - 3);
  t.is((await keysOf(own.store, 'z')).length, PACK_ROWS / 2 + 1);
  const pins = await own.reopen();
  t.deepEqual(await listed(pins), left);
  await pins.settled();
  t.deepEqual(await keysOf(own.store, 'z'), [`z/alice/00${FIRST_MS + PACK_ROWS}`]);
  t.deepEqual(await listed(await own.reopen()), left);
});

test('a pack goes when all of it is gone', async (t) => {
  const own = await createPacked(t, PACK_ROWS + 5);
  await own.pins.removeAll('alice');
  await (await own.reopen()).settled();
  const pins = await own.reopen();
  t.deepEqual(await listed(pins), []);
  t.deepEqual([...(await keysOf(own.store, 'y')), ...(await keysOf(own.store, 'z'))], []);
});

test('pins that are removed while others are packed are not forgotten', async (t) => {
  const own = await createTestPinStore(t);
  await createPins(own.store, { accountId: 'alice', pins: 3 * PACK_ROWS, firstMs: FIRST_MS });
  const pins = await own.reopen();
  for (const number of every(97, 3 * PACK_ROWS)) {
    await remove(pins, [number, number + 1]);
    await pins.add('alice', createPinRequest(number));
  }
  await pins.settled();
  const left = await listed(pins);
  const packs = await keysOf(own.store, 'y');
  t.deepEqual(await listed(await own.reopen()), left);
  t.deepEqual(await keysOf(own.store, 'y'), packs, 'the packs were right, so they were kept');
});

test('packs that do not add up are dropped, and every entry is read', async (t) => {
  const own = await createPacked(t, 2 * PACK_ROWS);
  const all = await listed(own.pins);
  const [, second = ''] = await keysOf(own.store, 'y');
  const pack = await own.store.get<Uint8Array>(second);
  await own.store.commit({ ops: [{ put: `y/alice/00${FIRST_MS + 1}`, value: pack?.value ?? {} }] });
  const pins = await own.reopen();
  t.deepEqual(await listed(pins), all);
  await pins.settled();
  t.is((await keysOf(own.store, 'y')).length, 2, 'they are packed anew');
});

test('accounts with and without packs are all read', async (t) => {
  const own = await createTestPinStore(t);
  const sizes = { a: 3, b: PACK_ROWS + 3, c: 1, d: PACK_ROWS, e: 2 * PACK_ROWS + 1, f: 2 };
  let firstContent = 0;
  for (const [accountId, pins] of Object.entries(sizes)) {
    await createPins(own.store, { accountId, pins, firstMs: FIRST_MS, firstContent });
    firstContent += pins;
  }
  await (await own.reopen()).settled();
  const pins = await own.reopen();
  for (const [accountId, size] of Object.entries(sizes)) t.is((await listed(pins, accountId)).length, size, accountId);
});
