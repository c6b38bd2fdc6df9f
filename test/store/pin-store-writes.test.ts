import test from 'ava';

import { FbpdError } from '../../daemon/domain/errors.ts';
import type { Commit, Store } from '../../daemon/domain/ports.ts';
import { createTestPinStore, openTestPins } from '../fixtures/create-pin-store.ts';
import { createPinRequest } from '../fixtures/create-pins.ts';
import { checkPinInvariants } from './pin-invariants.ts';

/** A store that does something before each commit, which may be to fail. */
function intercepting(store: Store, before: (commit: Commit) => Promise<unknown>): Store {
  return {
    get: store.get.bind(store),
    getMany: store.getMany.bind(store),
    range: store.range.bind(store),
    keys: store.keys.bind(store),
    counts: store.counts.bind(store),
    commit: async (commit) => {
      await before(commit);
      return store.commit(commit);
    },
  };
}

test('a burst of pins of one CID takes one commit each, however many there are', async (t) => {
  const own = await createTestPinStore(t);
  let commits = 0;
  const pins = await openTestPins(
    intercepting(own.store, async () => commits++),
    own.clock,
  );
  await Promise.all(Array.from({ length: 100 }, (_, number) => pins.add(`account-${number % 4}`, createPinRequest(1))));
  t.is(commits, 100);
  t.is((await pins.content(createPinRequest(1).contentKey))?.pins, 100);
});

test('a request is decided anew when somebody else wrote in between', async (t) => {
  const own = await createTestPinStore(t);
  await own.pins.add('alice', createPinRequest(1));
  const record = `o/${createPinRequest(1).contentKey}`;
  let meddled = 0;
  const meddle = async ({ expect }: Commit): Promise<void> => {
    const content = await own.store.get(record);
    if (meddled++ >= 2 || expect?.[record] === undefined || content === undefined) return;
    await own.store.commit({ expect: { [record]: content.version }, ops: [{ put: record, value: content.value }] });
  };
  const pins = await openTestPins(intercepting(own.store, meddle), own.clock);
  await pins.add('bob', createPinRequest(1));
  t.true(meddled > 2);
  await checkPinInvariants(t, own.store, pins);
});

test('a conflict that never ends is reported', async (t) => {
  const own = await createTestPinStore(t);
  let tries = 0;
  const refuse = async (): Promise<void> => {
    tries += 1;
    throw new FbpdError('CONFLICT', 'always');
  };
  const pins = await openTestPins(intercepting(own.store, refuse), own.clock);
  await t.throwsAsync(pins.add('alice', createPinRequest(1)), { code: 'CONFLICT' });
  t.true(tries > 1 && tries < 10);
});

test('what the disk refused has not happened, and what comes after it has', async (t) => {
  const own = await createTestPinStore(t);
  const pin = await own.pins.add('alice', createPinRequest(1));
  let full = true;
  const refuse = async (): Promise<void> => {
    if (full) throw new FbpdError('STORAGE_FULL', 'the disk is full');
  };
  const pins = await openTestPins(intercepting(own.store, refuse), own.clock);
  let due = 0;
  pins.onDue(() => due++);
  await t.throwsAsync(pins.add('alice', createPinRequest(2)), { code: 'STORAGE_FULL' });
  await t.throwsAsync(pins.replace('alice', pin.requestId, createPinRequest(2)), { code: 'STORAGE_FULL' });
  await t.throwsAsync(pins.remove('alice', pin.requestId), { code: 'STORAGE_FULL' });
  await t.throwsAsync(pins.beginFetch(pin.contentKey, 'ours'), { code: 'STORAGE_FULL' });
  t.is(due, 0);
  t.deepEqual((await pins.list('alice', { match: 'exact', limit: 10 })).pins, [pin]);
  full = false;
  await pins.replace('alice', pin.requestId, createPinRequest(2));
  t.is(due, 1);
  await checkPinInvariants(t, own.store, pins);
});

test('a fetch whose end could not be written is taken up again', async (t) => {
  const own = await createTestPinStore(t);
  const { contentKey } = await own.pins.add('alice', createPinRequest(1));
  let full = false;
  const refuse = async (): Promise<void> => {
    if (full) throw new FbpdError('STORAGE_FULL', 'the disk is full');
  };
  const pins = await openTestPins(intercepting(own.store, refuse), own.clock);
  await pins.beginFetch(contentKey, 'ours');
  full = true;
  await t.throwsAsync(pins.endFetch(contentKey, { kind: 'pinned', sizeBytes: 1, blocks: 1 }), { code: 'STORAGE_FULL' });
  full = false;
  t.deepEqual(await pins.recoverFetches(() => false), [contentKey]);
  t.is((await pins.nextQueued('alice', () => false)).next?.content.key, contentKey);
});
