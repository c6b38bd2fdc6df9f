import { randomUUID } from 'node:crypto';
import test from 'ava';

import type { Store } from '../../daemon/domain/ports.ts';
import { createLog } from '../../daemon/log.ts';
import { openColdStore } from '../../daemon/store/cold-store.ts';
import { type OpenedPinStore, openPinStore } from '../../daemon/store/pin-store.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { createDeal, createPiece, createUuid } from '../fixtures/create-cold-records.ts';
import { createMemoryColdStore, createTestColdStore, memoryFile, PIN_AND_COLD_TYPES } from '../fixtures/create-cold-store.ts';
import { MemoryStore } from '../fixtures/create-memory-store.ts';
import { StepClock } from '../fixtures/create-pin-store.ts';
import { createContentKey, createPinRequest, createPins } from '../fixtures/create-pins.ts';
import { MortalStore } from './mortal-store.ts';

const clock = new StepClock();
const log = createLog('silent');

function openPins(store: Store, cold: boolean): Promise<OpenedPinStore> {
  return openPinStore({ store, clock, log, randomUUID, cold });
}

async function listed(store: Store): Promise<string[]> {
  return collect(store.keys({ gte: 'l/', lt: 'l0' }));
}

async function unlist(store: Store): Promise<void> {
  await store.commit({ ops: (await listed(store)).map((key) => ({ del: key })) });
}

async function hold(pins: OpenedPinStore, contentKey: string): Promise<void> {
  await pins.beginFetch(contentKey, 'ours');
  await pins.endFetch(contentKey, { kind: 'pinned', sizeBytes: 1, blocks: 1 });
}

/** Each happens to a held content with one pin of alice's. */
const EVENTS: Readonly<Record<string, (pins: OpenedPinStore, contentKey: string, requestId: string) => Promise<unknown>>> = {
  'another pin joins it': (pins, contentKey) => pins.add('bob', createPinRequest(0, { contentKey })),
  'its last pin goes': (pins, _, requestId) => pins.remove('alice', requestId),
  'its last pin is replaced': (pins, _, requestId) => pins.replace('alice', requestId, createPinRequest(99)),
  'its account goes': (pins) => pins.removeAll('alice'),
  'it is blocked': (pins, contentKey) => pins.block(contentKey, ''),
  'it vanishes': (pins, contentKey) => pins.vanished(contentKey),
};

for (const [what, happen] of Object.entries(EVENTS)) {
  test(`a held content is listed when ${what}, and only then`, async (t) => {
    const store = new MemoryStore({ countedTypes: PIN_AND_COLD_TYPES });
    const pins = await openPins(store, true);
    const told: string[] = [];
    const contentKey = createContentKey(1);
    const { requestId } = await pins.add('alice', createPinRequest(1));
    await hold(pins, contentKey);
    await unlist(store);
    pins.onColdListed((contentKeys) => told.push(...contentKeys));
    await happen(pins, contentKey, requestId);
    t.deepEqual(await listed(store), [`l/${contentKey}`]);
    t.deepEqual(told, [contentKey]);
  });
}

test('a pin that comes back to what has a cold side is listed before it is held again; any other is not', async (t) => {
  const { pins, cold, store } = await createMemoryColdStore();
  await cold.write({ pieces: [{ before: undefined, after: createPiece(1) }] });
  await pins.add('alice', createPinRequest(2));
  t.deepEqual(await listed(store), []);
  await pins.add('alice', createPinRequest(1));
  t.like((await cold.dueContents(10))[0], {
    contentKey: createContentKey(1),
    content: { hot: 'wanted' },
    pieces: [{ value: createPiece(1) }],
  });
});

test('a content that has a hot copy again is listed, and one that is let go is not', async (t) => {
  const store = new MemoryStore({ countedTypes: PIN_AND_COLD_TYPES });
  const pins = await openPins(store, true);
  const contentKey = createContentKey(1);
  await pins.add('alice', createPinRequest(1));
  await hold(pins, contentKey);
  await unlist(store);
  await pins.evict(contentKey, 'test');
  await pins.released(contentKey);
  t.deepEqual(await listed(store), []);
  await pins.beginWarm(contentKey);
  await pins.endWarm(contentKey, { sizeBytes: 1, blocks: 1 });
  t.deepEqual(await listed(store), [`l/${contentKey}`]);
});

test('a change of the cold side lists contents in its own commit, and tells of them', async (t) => {
  const { pins, cold, store } = await createMemoryColdStore();
  const told: string[] = [];
  cold.onDue((what) => told.push(what));
  await pins.add('alice', createPinRequest(1));
  await unlist(store);
  const contentKey = createContentKey(1);
  await cold.write({ pieces: [{ before: undefined, after: createPiece(1) }], list: [contentKey] });
  t.true(told.includes('contents'));
  const [due] = await cold.dueContents(10);
  t.is(due?.contentKey, contentKey);
  const refused = cold.write({ pieces: [{ before: undefined, after: createPiece(1) }], list: [createContentKey(2)] });
  await t.throwsAsync(refused, { code: 'CONFLICT' });
  t.deepEqual(await listed(store), [`l/${contentKey}`]);
  await cold.write({ list: [contentKey] });
  if (due !== undefined) await t.throwsAsync(cold.write({ looked: [due] }), { code: 'CONFLICT' }, 'it was listed since it was read');
});

test('without a cold layer nothing is listed', async (t) => {
  const store = new MemoryStore({ countedTypes: PIN_AND_COLD_TYPES });
  const pins = await openPins(store, false);
  const { requestId } = await pins.add('alice', createPinRequest(1));
  await hold(pins, createContentKey(1));
  await pins.remove('alice', requestId);
  t.deepEqual(await listed(store), []);
  t.deepEqual(await collect(store.keys({ gte: 'v/', lt: 'v0' })), []);
});

test('switched on, it lists what is held already, however often it is cut off; switched off and on, again', async (t) => {
  const store = new MemoryStore({ countedTypes: PIN_AND_COLD_TYPES });
  const statusOf = (number: number) => (number % 4 === 0 ? ('failed' as const) : ('pinned' as const));
  await createPins(store, { accountId: 'alice', pins: 2_400, firstMs: 1, statusOf });
  for (let commits = 1; commits <= 3; commits++) {
    const pins = await openPins(new MortalStore(store, { commits: 2, when: commits % 2 === 0 ? 'before' : 'after' }), true).catch(
      () => undefined,
    );
    await pins?.settled().catch(() => undefined);
  }
  t.true((await listed(store)).length < 1_800, 'it was cut off');
  await (await openPins(store, true)).settled();
  t.is((await listed(store)).length, 1_800);
  await unlist(store);
  await (await openPins(store, true)).settled();
  t.is((await listed(store)).length, 0, 'only once');
  await (await openPins(store, false)).settled();
  await (await openPins(store, true)).settled();
  t.is((await listed(store)).length, 1_800, 'nobody has listed while it was off');
});

test('contents come off the list in turn, whatever is left on it, and after a restart too', async (t) => {
  const store = new MemoryStore({ countedTypes: PIN_AND_COLD_TYPES });
  await createPins(store, { accountId: 'alice', pins: 1_000, firstMs: 1 });
  const pins = await openPins(store, true);
  const cold = await openColdStore({ store, clock, log, spendLogFile: memoryFile(), pins });
  await pins.settled();
  const seen = new Set<string>();
  for (let turn = 0; turn < 5; turn++) for (const { contentKey } of await cold.dueContents(200)) seen.add(contentKey);
  t.is(seen.size, 1_000, 'what stays on the list does not keep the others from being looked at');
  for (let due = await cold.dueContents(300); due.length > 0; due = await cold.dueContents(300)) await cold.write({ looked: due });
  t.deepEqual(await listed(store), []);
});

test('a store of a version without a cold layer opens, and what it holds is listed', async (t) => {
  const old = new MemoryStore({ countedTypes: ['p', 'x', 'o'] });
  const before = await openPins(old, false);
  await before.add('alice', createPinRequest(1));
  await hold(before, createContentKey(1));
  const pins = await openPins(old, true);
  const cold = await openColdStore({ store: old, clock, log, spendLogFile: memoryFile(), pins });
  await pins.settled();
  t.is((await cold.dueContents(10)).length, 1);
  t.is(cold.breaker(), undefined);
});

test('samples are drawn from all active deals, and evenly enough', async (t) => {
  const { cold } = await createMemoryColdStore();
  t.is(await cold.sampleActive(0.5), undefined);
  const numbers = Array.from({ length: 100 }, (_, number) => number);
  await cold.write({
    deals: numbers.map((number) => ({ before: undefined, after: createDeal(number, { state: number < 50 ? 'active' : 'proposed' }) })),
  });
  const drawn = new Map<string, number>();
  const draws = 5_000;
  for (let draw = 0; draw < draws; draw++) {
    // A sequence without gaps or clusters stands for chance.
    const id = (await cold.sampleActive((draw * 0.618_033_988_749_895) % 1))?.value.id ?? '';
    drawn.set(id, (drawn.get(id) ?? 0) + 1);
  }
  t.is(drawn.size, 50);
  const even = draws / 50;
  t.true(Math.min(...drawn.values()) > even / 5, `${Math.min(...drawn.values())}`);
  t.true(Math.max(...drawn.values()) < even * 5, `${Math.max(...drawn.values())}`);
});

test('fbpd check names what is wrong with lists, totals, pieces and a damaged record', async (t) => {
  const { cold, store, spendLogFile } = await createTestColdStore(t);
  await cold.write({ pieces: [{ before: undefined, after: createPiece(1) }], deals: [{ before: undefined, after: createDeal(1) }] });
  const check = async () => (await verifyStore(store, { spendLog: { file: spendLogFile, isLive: true } })).problems;
  t.deepEqual(await check(), []);
  const { id } = createDeal(1);
  const strange = `de/000000000007/${createUuid('nobody')}`;
  const dueKey = `de/000000009000/${id}`;
  await store.commit({ ops: [{ put: strange, value: {} }, { del: dueKey }] });
  const problems = await check();
  t.is(problems.length, 2);
  t.true(problems.some((problem) => problem.includes(strange)));
  t.true(problems.some((problem) => problem.includes(dueKey) && problem.includes('missing')));
  await store.commit({ ops: [{ put: dueKey, value: {} }, { del: strange }] });
  const { version } = (await store.get(`j/${createPiece(1).id}`)) ?? { version: 0 };
  const pieceKey = `j/${createPiece(1).id}`;
  await store.commit({ expect: { [pieceKey]: version }, ops: [{ del: pieceKey }] });
  const gone = await check();
  t.true(gone.some((problem) => problem.includes(`the piece ${createPiece(1).id}, which has no record`)));
  t.true(gone.some((problem) => problem.includes('the totals say')));
  const deal = await store.get<object>(`d/${id}`);
  await store.commit({
    expect: { [`d/${id}`]: deal?.version ?? 0 },
    ops: [{ put: `d/${id}`, value: { ...deal?.value, costAtto: 'much' } }],
  });
  t.true((await check()).some((problem) => problem.includes(`d/${id}`) && problem.includes('much')));
});
