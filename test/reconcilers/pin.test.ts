import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';

import { FbpdError } from '../../daemon/domain/errors.ts';
import { HotError, type HotTier, type PinStore, type Store } from '../../daemon/domain/ports.ts';
import { createLog } from '../../daemon/log.ts';
import { PinReconciler } from '../../daemon/reconcilers/pin.ts';
import { openBlockIndex } from '../../daemon/store/block-index.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { createTestPinStore } from '../fixtures/create-pin-store.ts';
import { createPinRequest } from '../fixtures/create-pins.ts';
import { createTestStore } from '../fixtures/create-store.ts';
import { poll } from '../fixtures/poll.ts';
import { blockOf } from '../store/index-model.ts';

const LIMITS = {
  searchingPins: 4,
  graceMs: 60_000,
  idleMs: 60_000,
  rotateMs: 60_000,
  quantumMs: 3_600_000,
  pinAttempts: 3,
  pinTimeoutMs: 86_400_000,
  dagBytes: 1_000,
  dagBlocks: 1_000,
  stallMs: 60_000,
};
/** With one concurrent pin, as an account without any finds one more place. */
const PLACES = 2;
const PATIENCE_MS = 20_000;

/** A reconciler over a real pin store and a hot tier whose fetches end when the test says. */
async function create(t: ExecutionContext, { concurrentPins = 1, wrap = (pins: PinStore) => pins } = {}) {
  const { pins, store, clock } = await createTestPinStore(t);
  const fetches: { contentKey: string; end: () => void }[] = [];
  const hot = {
    exclusive: true,
    connect: async () => undefined,
    fetch: (contentKey: string) => new Promise((resolve) => fetches.push({ contentKey, end: () => resolve({ blocks: 1, bytes: 1 }) })),
    pin: async () => undefined,
    unpin: async () => undefined,
  } as unknown as HotTier;
  const reconciler = new PinReconciler({
    store: wrap(pins),
    hot,
    index: await openBlockIndex({ store, log: createLog('silent') }),
    clock,
    log: createLog('silent'),
    limits: { ...LIMITS, concurrentPins },
    held: () => undefined,
    onGarbage: () => undefined,
  });
  t.teardown(async () => {
    const stopped = reconciler.stop();
    for (const { end } of fetches) end();
    await stopped;
  });
  return { pins, fetches, reconciler };
}

test('more accounts than places are all served, though one of them goes on posting', async (t) => {
  const { pins, fetches, reconciler } = await create(t);
  const accounts = ['a', 'b', 'c', 'd', 'e', 'f'];
  const owners = new Map<string, string>();
  let number = 0;
  const post = async (accountId: string): Promise<void> => {
    const request = createPinRequest(number++);
    owners.set(request.contentKey, accountId);
    await pins.add(accountId, request);
  };
  for (const accountId of accounts) for (let count = 0; count < 5; count++) await post(accountId);
  await reconciler.start();
  const served: (string | undefined)[] = [];
  for (let ended = 0; ended < 2 * accounts.length; ended++) {
    await poll('every place is taken', PATIENCE_MS, () => fetches.length === ended + PLACES);
    await post('a');
    served.push(owners.get(fetches[ended]?.contentKey ?? ''));
    fetches[ended]?.end();
  }
  t.deepEqual(served.slice(0, accounts.length).sort(), accounts);
  t.deepEqual(served.slice(accounts.length).sort(), accounts);
});

test('a pin that comes while its queue is being looked at is not overlooked', async (t) => {
  let answered = 0;
  const gate = Promise.withResolvers<void>();
  const { pins, fetches, reconciler } = await create(t, {
    concurrentPins: 2,
    wrap: (real) => ({
      ...real,
      async nextQueued(...args) {
        const found = await real.nextQueued(...args);
        answered += 1;
        if (found.next === undefined) await gate.promise;
        return found;
      },
    }),
  });
  await pins.add('alice', createPinRequest(1));
  await reconciler.start();
  await poll('the queue was found empty', PATIENCE_MS, () => answered === 2);
  await pins.add('alice', createPinRequest(2));
  gate.resolve();
  fetches[0]?.end();
  await poll('the second pin is fetched', PATIENCE_MS, () => fetches.length === 2);
  t.is(fetches[1]?.contentKey, createPinRequest(2).contentKey);
});

test('a damaged record at the head of one queue holds up nobody else', async (t) => {
  const { pins, fetches, reconciler } = await create(t, {
    wrap: (real) => ({
      ...real,
      async nextQueued(accountId, skip) {
        if (accountId === 'alice') throw new FbpdError('STORE_DAMAGED', 'store: a record does not match its checksum');
        return real.nextQueued(accountId, skip);
      },
    }),
  });
  await pins.add('alice', createPinRequest(1));
  await pins.add('bob', createPinRequest(2));
  await reconciler.start();
  await poll("bob's pin is fetched", PATIENCE_MS, () => fetches.length === 1);
  t.is(fetches[0]?.contentKey, createPinRequest(2).contentKey);
});

/** One pin, over a hot tier that tells so many blocks below the root and then does as the test says. */
async function fetchOnce(
  t: ExecutionContext,
  { blocks = 1, store: other, end }: { blocks?: number; store?: Store; end?: () => Promise<void> },
) {
  const { pins, store, clock } = await createTestPinStore(t);
  const log = createLog('silent');
  const index = await openBlockIndex({ store: other ?? store, log });
  const hot = {
    exclusive: true,
    connect: async () => undefined,
    async fetch(...[contentKey, , , , options]: Parameters<HotTier['fetch']>) {
      await options?.onBlock?.(CID.parse(contentKey));
      for (let number = 1; number <= blocks; number++) await options?.onBlock?.(await blockOf(number));
      await end?.();
      return { blocks: blocks + 1, bytes: 1 };
    },
    pin: async () => undefined,
    unpin: async () => undefined,
  } as unknown as HotTier;
  const limits = { ...LIMITS, concurrentPins: 1 };
  const reconciler = new PinReconciler({ store: pins, hot, index, clock, log, limits, held: () => undefined, onGarbage: () => undefined });
  t.teardown(() => reconciler.stop());
  const { contentKey } = await pins.add('alice', createPinRequest(1));
  await reconciler.start();
  await poll('the fetch has ended', PATIENCE_MS, async () => (await pins.content(contentKey))?.hot !== 'wanted');
  return { contentKey, hot: (await pins.content(contentKey))?.hot, index };
}

test('the blocks of a content lead to it as soon as it is held', async (t) => {
  const { contentKey, hot, index } = await fetchOnce(t, {});
  t.is(hot, 'pinned');
  t.deepEqual(await collect(index.contentsOf(await blockOf(1), 10)), [contentKey]);
  t.true(await index.isWhole(contentKey));
});

test('a fetch that fails leaves no index behind that is not looked at again', async (t) => {
  const end = () => Promise.reject(new HotError('too_many_bytes', 'too large'));
  const { contentKey, hot, index } = await fetchOnce(t, { blocks: 2_000, end });
  t.is(hot, 'failed');
  t.deepEqual(
    (await collect(index.listed())).map((listed) => listed.contentKey),
    [contentKey],
  );
});

test('an index that cannot be written is no reason for a pin to fail', async (t) => {
  const closed = await createTestStore(t);
  await (await openBlockIndex({ store: closed, log: createLog('silent') })).settled();
  const { hot } = await fetchOnce(t, { blocks: 3_000, store: closed, end: () => closed.close() });
  t.is(hot, 'pinned');
});
