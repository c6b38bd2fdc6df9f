import test from 'ava';

import { isFbpdError } from '../../daemon/domain/errors.ts';
import { openLevelStore } from '../../daemon/store/level-store.ts';
import { createTestDir, createTestStore, testStoreOptions } from '../fixtures/create-store.ts';

async function all<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

test('a committed record is read back with its version', async (t) => {
  const store = await createTestStore(t);
  const version = await store.commit({ expect: { 'p/1': null }, ops: [{ put: 'p/1', value: { a: 1 } }] });
  t.deepEqual(await store.get('p/1'), { value: { a: 1 }, version });
  t.deepEqual(await store.getMany(['p/1', 'p/2']), [{ value: { a: 1 }, version }, undefined]);
  t.is(await store.get('p/2'), undefined);
});

test('bytes come back as bytes, and JSON as JSON', async (t) => {
  const store = await createTestStore(t);
  await store.commit({
    ops: [
      { put: 'b', value: new Uint8Array([0, 1, 255]) },
      { put: 'empty', value: new Uint8Array() },
      { put: 'j', value: { text: 'é\u0000🦜', list: [1, null] } },
    ],
  });
  t.deepEqual(new Uint8Array((await store.get<Uint8Array>('b'))?.value ?? []), new Uint8Array([0, 1, 255]));
  t.is((await store.get<Uint8Array>('empty'))?.value.byteLength, 0);
  t.deepEqual((await store.get('j'))?.value, { text: 'é\u0000🦜', list: [1, null] });
});

test('a value that is changed after it was handed in is stored as it was', async (t) => {
  const store = await createTestStore(t);
  const bytes = new Uint8Array([1]);
  const json = { a: 1 };
  const committed = store.commit({
    ops: [
      { put: 'b', value: bytes },
      { put: 'j', value: json },
    ],
  });
  bytes[0] = 2;
  json.a = 2;
  await committed;
  t.is((await store.get<Uint8Array>('b'))?.value[0], 1);
  t.deepEqual((await store.get('j'))?.value, { a: 1 });
});

test('every commit gets the next sequence number', async (t) => {
  const store = await createTestStore(t);
  const put = (key: string) => store.commit({ ops: [{ put: key, value: {} }] });
  t.deepEqual(await Promise.all([put('x'), put('y'), put('z')]), [1, 2, 3]);
  t.is(await put('x'), 4);
  t.is(store.sequence, 4);
});

test('a failed expectation is a CONFLICT that names the key, and writes nothing', async (t) => {
  const store = await createTestStore(t);
  await store.commit({ expect: { 'p/1': null }, ops: [{ put: 'p/1', value: { a: 1 } }] });
  const late = {
    expect: { 'p/1': null },
    ops: [
      { put: 'p/1', value: { a: 2 } },
      { put: 'x', value: {} },
    ],
  };
  const error = await t.throwsAsync(store.commit(late));
  t.true(isFbpdError(error, 'CONFLICT'));
  t.is(isFbpdError(error) ? error.subject : undefined, 'p/1');
  t.deepEqual((await store.get('p/1'))?.value, { a: 1 });
  t.is(await store.get('x'), undefined);
});

test('commits handed in together are judged in order, each against those before it', async (t) => {
  const store = await createTestStore(t);
  const claim = (owner: number) => store.commit({ expect: { 'p/1': null }, ops: [{ put: 'p/1', value: { owner } }] });
  const outcomes = await Promise.allSettled([claim(1), claim(2), store.commit({ expect: { 'p/1': 1 }, ops: [{ del: 'p/1' }] }), claim(4)]);
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
  t.deepEqual((await store.get('p/1'))?.value, { owner: 4 });
  t.deepEqual(store.counts(), { p: 1, c: 0 });
});

test('a conflict is told only when what it conflicts with can be read', async (t) => {
  const store = await createTestStore(t);
  const first = store.commit({ expect: { 'p/1': null }, ops: [{ put: 'p/1', value: {} }] });
  await t.throwsAsync(store.commit({ expect: { 'p/1': null }, ops: [] }), { message: /expected absent and is version 1/ });
  t.is((await store.get('p/1'))?.version, 1);
  await first;
});

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

test('a counted key without its expectation, and an impossible key, are the caller’s bugs', async (t) => {
  const store = await createTestStore(t);
  await t.throwsAsync(store.commit({ ops: [{ put: 'p/1', value: {} }] }), { instanceOf: TypeError, message: /no expectation/ });
  await t.throwsAsync(store.commit({ ops: [{ del: 'p/1' }] }), { instanceOf: TypeError });
  for (const key of ['', '~journal/0000', '\uD800', 'é']) {
    await t.throwsAsync(store.commit({ ops: [{ put: key, value: {} }] }), { instanceOf: TypeError, message: /cannot be a key/ });
  }
  t.is(store.sequence, 0);
});

test('ranges are in key order, bounded, reversed and limited, and never show the engine’s own records', async (t) => {
  const store = await createTestStore(t);
  const keys = Array.from({ length: 300 }, (_, index) => `k/${String(index).padStart(3, '0')}`);
  await store.commit({ ops: [...keys].reverse().map((key) => ({ put: key, value: { key } })) });
  t.deepEqual(await all(store.keys({})), keys);
  t.deepEqual(await all(store.keys({ reverse: true, limit: 3 })), ['k/299', 'k/298', 'k/297']);
  t.deepEqual(await all(store.keys({ gt: 'k/001', lte: 'k/003' })), ['k/002', 'k/003']);
  t.deepEqual(await all(store.keys({ gte: 'k/001', lt: 'k/003' })), ['k/001', 'k/002']);
  t.deepEqual(await all(store.keys({ gte: 'k/298', lte: '~~~' })), ['k/298', 'k/299']);
  t.deepEqual(await all(store.keys({ gte: '~' })), []);
  t.deepEqual(await all(store.keys({ limit: 0 })), []);
  const rows = await all(store.range<{ key: string }>({ gte: 'k/100' }));
  t.deepEqual(
    rows.map(([key, { value, version }]) => [key, value.key, version]),
    keys.slice(100).map((key) => [key, key, 1]),
  );
});

test('a range shows the store as it was when it began, and can be left early', async (t) => {
  const store = await createTestStore(t);
  await store.commit({ ops: Array.from({ length: 5000 }, (_, index) => ({ put: `k/${10_000 + index}`, value: { index } })) });
  let seen = 0;
  for await (const [key] of store.range({ gte: 'k/' })) {
    if (seen === 0) {
      await store.commit({
        ops: [{ put: 'k/10000a', value: {} }, { del: 'k/14999' }],
      });
    }
    t.not(key, 'k/10000a');
    seen += 1;
  }
  t.is(seen, 5000);
  for await (const key of store.keys({ gte: 'k/' })) {
    t.is(key, 'k/10000');
    break;
  }
});

test('close writes what was handed in, refuses what comes later, and may be called twice', async (t) => {
  const dir = await createTestDir(t);
  const store = await createTestStore(t, { dir });
  const pending = Array.from({ length: 50 }, (_, index) => store.commit({ ops: [{ put: `k/${index}`, value: {} }] }));
  const closed = store.close();
  await t.throwsAsync(store.commit({ ops: [{ put: 'late', value: {} }] }), { code: 'UNAVAILABLE' });
  await Promise.all([closed, store.close(), ...pending]);
  await t.throwsAsync(store.get('k/1'), { code: 'UNAVAILABLE' });
  await t.throwsAsync(all(store.keys({})), { code: 'UNAVAILABLE' });
  const again = await createTestStore(t, { dir });
  t.is((await all(again.keys({}))).length, 50);
});

test('a group is bounded in operations and bytes, and a commit larger than that still goes through', async (t) => {
  const store = await createTestStore(t, { limits: { groupOps: 4, groupSizeBytes: 1000 } });
  const large = Array.from({ length: 10 }, (_, index) => ({ put: `large/${index}`, value: { text: 'x'.repeat(200) } }));
  const commits = Array.from({ length: 20 }, (_, index) =>
    store.commit({ ops: index === 7 ? large : [{ put: `k/${index}`, value: { text: 'x'.repeat(300) } }] }),
  );
  t.deepEqual(
    await Promise.all(commits),
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
  t.is((await all(store.keys({}))).length, 29);
});

test('a commit larger than any may be is the caller’s bug', async (t) => {
  const store = await createTestStore(t, { limits: { commitSizeBytes: 1000 } });
  await t.throwsAsync(store.commit({ ops: [{ put: 'k', value: new Uint8Array(1000) }] }), { instanceOf: RangeError });
  await store.commit({ ops: [{ put: 'k', value: new Uint8Array(900) }] });
  t.is(store.sequence, 1);
});

test('more waiting commits than allowed are refused as UNAVAILABLE, and the others are written', async (t) => {
  const store = await createTestStore(t, { limits: { queueCommits: 10 } });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 15 }, (_, index) => store.commit({ ops: [{ put: `k/${index}`, value: {} }] })),
  );
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  t.is(refused.length, 5);
  t.true(refused.every(({ reason }) => isFbpdError(reason, 'UNAVAILABLE')));
  t.is((await all(store.keys({}))).length, 10);
});

test('two openings of one store: the second is refused as locked, and names the directory', async (t) => {
  const dir = await createTestDir(t);
  const store = await createTestStore(t, { dir });
  const error = await t.throwsAsync(openLevelStore(testStoreOptions(dir)), { code: 'STORE_LOCKED' });
  t.true(error.message.includes(dir));
  await store.commit({ ops: [{ put: 'k', value: {} }] });
  t.is((await store.get('k'))?.version, 1);
});
