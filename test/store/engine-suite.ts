import test, { type ExecutionContext } from 'ava';

import { isFbpdError } from '../../daemon/domain/errors.ts';
import type { Store } from '../../daemon/domain/ports.ts';
import type { GroupLimits } from '../../daemon/store/engine/group-commit-queue.ts';
import { collect as all } from '../../daemon/store/pins/collect.ts';

export interface SuiteStore extends Store {
  readonly sequence: number;
  close(): Promise<void>;
}

/**
 * What every {@link Store} does while its process lives.
 *
 * @param create a new, empty store that counts the types `p` and `c`
 */
export function engineSuite(
  name: string,
  create: (t: ExecutionContext, options?: { limits?: Partial<GroupLimits> }) => Promise<SuiteStore>,
): void {
  test(`${name}: a committed record is read back with its version`, async (t) => {
    const store = await create(t);
    const version = await store.commit({ expect: { 'p/1': null }, ops: [{ put: 'p/1', value: { a: 1 } }] });
    t.deepEqual(await store.get('p/1'), { value: { a: 1 }, version });
    t.deepEqual(await store.getMany(['p/1', 'p/2']), [{ value: { a: 1 }, version }, undefined]);
    t.is(await store.get('p/2'), undefined);
  });

  test(`${name}: bytes come back as bytes, and JSON as JSON`, async (t) => {
    const store = await create(t);
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

  test(`${name}: a value that is changed after it was handed in is stored as it was`, async (t) => {
    const store = await create(t);
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

  test(`${name}: every commit gets the next sequence number`, async (t) => {
    const store = await create(t);
    const put = (key: string) => store.commit({ ops: [{ put: key, value: {} }] });
    t.deepEqual(await Promise.all([put('x'), put('y'), put('z')]), [1, 2, 3]);
    t.is(await put('x'), 4);
    t.is(store.sequence, 4);
  });

  test(`${name}: a failed expectation is a CONFLICT that names the key, and writes nothing`, async (t) => {
    const store = await create(t);
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

  test(`${name}: commits handed in together are judged in order, each against those before it`, async (t) => {
    const store = await create(t);
    const claim = (owner: number) => store.commit({ expect: { 'p/1': null }, ops: [{ put: 'p/1', value: { owner } }] });
    const outcomes = await Promise.allSettled([
      claim(1),
      claim(2),
      store.commit({ expect: { 'p/1': 1 }, ops: [{ del: 'p/1' }] }),
      claim(4),
    ]);
    t.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    );
    t.deepEqual((await store.get('p/1'))?.value, { owner: 4 });
    t.deepEqual(store.counts(), { p: 1, c: 0 });
  });

  test(`${name}: a conflict is told only when what it conflicts with can be read`, async (t) => {
    const store = await create(t);
    const first = store.commit({ expect: { 'p/1': null }, ops: [{ put: 'p/1', value: {} }] });
    await t.throwsAsync(store.commit({ expect: { 'p/1': null }, ops: [] }), { message: /expected absent and is version 1/ });
    t.is((await store.get('p/1'))?.version, 1);
    await first;
  });

  test(`${name}: a counted key without its expectation, and an impossible key, are the caller’s bugs`, async (t) => {
    const store = await create(t);
    await t.throwsAsync(store.commit({ ops: [{ put: 'p/1', value: {} }] }), { instanceOf: TypeError, message: /no expectation/ });
    await t.throwsAsync(store.commit({ ops: [{ del: 'p/1' }] }), { instanceOf: TypeError });
    for (const key of ['', '~journal/0000', '\uD800', 'é']) {
      await t.throwsAsync(store.commit({ ops: [{ put: key, value: {} }] }), { instanceOf: TypeError, message: /cannot be a key/ });
    }
    t.is(store.sequence, 0);
  });

  test(`${name}: ranges are in key order, bounded, reversed and limited, and never show the engine’s own records`, async (t) => {
    const store = await create(t);
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

  test(`${name}: a range shows the store as it was when it began, and can be left early`, async (t) => {
    const store = await create(t);
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

  test(`${name}: a group is bounded in operations and bytes, and a commit larger than that still goes through`, async (t) => {
    const store = await create(t, { limits: { groupOps: 4, groupSizeBytes: 1000 } });
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

  test(`${name}: a commit larger than any may be is the caller’s bug`, async (t) => {
    const store = await create(t, { limits: { commitSizeBytes: 1000 } });
    await t.throwsAsync(store.commit({ ops: [{ put: 'k', value: new Uint8Array(1000) }] }), { instanceOf: RangeError });
    await store.commit({ ops: [{ put: 'k', value: new Uint8Array(900) }] });
    t.is(store.sequence, 1);
  });

  test(`${name}: more waiting commits than allowed are refused as UNAVAILABLE, and the others are written`, async (t) => {
    const store = await create(t, { limits: { queueCommits: 10 } });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 15 }, (_, index) => store.commit({ ops: [{ put: `k/${index}`, value: {} }] })),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    t.is(refused.length, 5);
    t.true(refused.every(({ reason }) => isFbpdError(reason, 'UNAVAILABLE')));
    t.is((await all(store.keys({}))).length, 10);
  });

  test(`${name}: close writes what was handed in and refuses what comes later`, async (t) => {
    const store = await create(t);
    const pending = Array.from({ length: 50 }, (_, index) => store.commit({ ops: [{ put: `k/${index}`, value: {} }] }));
    const closed = store.close();
    await t.throwsAsync(store.commit({ ops: [{ put: 'late', value: {} }] }), { code: 'UNAVAILABLE' });
    await Promise.all([closed, store.close(), ...pending]);
    await t.throwsAsync(store.get('k/1'), { code: 'UNAVAILABLE' });
    await t.throwsAsync(all(store.keys({})), { code: 'UNAVAILABLE' });
  });
}
