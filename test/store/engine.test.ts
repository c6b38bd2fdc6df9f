import test from 'ava';

import { openLevelStore } from '../../daemon/store/level-store.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { createTestDir, createTestStore, testStoreOptions } from '../fixtures/create-store.ts';
import { engineSuite } from './engine-suite.ts';

engineSuite('LevelDB', createTestStore);

test('counted types are counted through puts, overwrites and deletes, and across a restart', async (t) => {
  const dir = await createTestDir(t);
  const store = await createTestStore(t, { dir });
  await store.commit({
    expect: { 'p/1': null, 'p/2': null, 'c/1': null },
    ops: ['p/1', 'p/2', 'c/1', 'other/1'].map((key) => ({ put: key, value: {} })),
  });
  await store.commit({ expect: { 'p/1': 1, 'p/2': 1 }, ops: [{ put: 'p/1', value: { again: true } }, { del: 'p/2' }] });
  await store.commit({ expect: { 'p/9': null }, ops: [{ del: 'p/9' }] });
  t.deepEqual(store.counts(), { p: 1, c: 1 });
  await store.close();
  t.deepEqual((await createTestStore(t, { dir })).counts(), { p: 1, c: 1 });
});

test('a type that is counted only since now is counted at start', async (t) => {
  const dir = await createTestDir(t);
  const store = await createTestStore(t, { dir });
  await store.commit({ ops: ['q/1', 'q/2', 'qq/1', 'r/1', 'q'].map((key) => ({ put: key, value: {} })) });
  await store.close();
  const again = await createTestStore(t, { dir, countedTypes: ['p', 'q'] });
  t.deepEqual(again.counts(), { p: 0, q: 3 });
  await again.commit({ expect: { 'q/1': 1 }, ops: [{ del: 'q/1' }] });
  t.deepEqual(again.counts(), { p: 0, q: 2 });
});

test('what was handed in before a close is there when it is opened again', async (t) => {
  const dir = await createTestDir(t);
  const store = await createTestStore(t, { dir });
  const pending = Array.from({ length: 50 }, (_, index) => store.commit({ ops: [{ put: `k/${index}`, value: {} }] }));
  const closed = store.close();
  await Promise.all([closed, ...pending]);
  const again = await createTestStore(t, { dir });
  t.is((await collect(again.keys({}))).length, 50);
});

test('two openings of one store: the second is refused as locked, and names the directory', async (t) => {
  const dir = await createTestDir(t);
  const store = await createTestStore(t, { dir });
  const error = await t.throwsAsync(openLevelStore(testStoreOptions(dir)), { code: 'STORE_LOCKED' });
  t.true(error.message.includes(dir));
  await store.commit({ ops: [{ put: 'k', value: {} }] });
  t.is((await store.get('k'))?.version, 1);
});
