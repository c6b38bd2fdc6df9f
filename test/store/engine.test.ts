import test from 'ava';

import { createTestStore } from '../fixtures/create-store.ts';

test('a committed record is read back with its version', async (t) => {
  const store = await createTestStore(t);
  const version = await store.commit({ expect: { 'p/1': null }, ops: [{ put: 'p/1', value: { a: 1 } }] });
  t.deepEqual(await store.get('p/1'), { value: { a: 1 }, version });
  t.deepEqual(store.counts(), { p: 1, c: 0 });
});

test('a failed expectation is a CONFLICT and writes nothing', async (t) => {
  const store = await createTestStore(t);
  await store.commit({ expect: { 'p/1': null }, ops: [{ put: 'p/1', value: { a: 1 } }] });
  await t.throwsAsync(store.commit({ expect: { 'p/1': null }, ops: [{ put: 'p/1', value: { a: 2 } }] }), { code: 'CONFLICT' });
  t.deepEqual((await store.get('p/1'))?.value, { a: 1 });
});
