import test, { type ExecutionContext } from 'ava';

import { FbpdError } from '../../daemon/domain/errors.ts';
import type { HotTier, PinStore } from '../../daemon/domain/ports.ts';
import { createLog } from '../../daemon/log.ts';
import { PinReconciler } from '../../daemon/reconcilers/pin.ts';
import { createTestPinStore } from '../fixtures/create-pin-store.ts';
import { createPinRequest } from '../fixtures/create-pins.ts';
import { poll } from '../fixtures/poll.ts';

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
  const { pins, clock } = await createTestPinStore(t);
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
