import test, { type ExecutionContext } from 'ava';

import type { HotTier } from '../../daemon/domain/ports.ts';
import { createLog } from '../../daemon/log.ts';
import { ReleaseReconciler } from '../../daemon/reconcilers/release.ts';
import { createTestPinStore } from '../fixtures/create-pin-store.ts';
import { createPinRequest } from '../fixtures/create-pins.ts';

const PINS = 20;
const AT_ONCE_MAX = 8;
const never = new AbortController().signal;

/** Contents whose pins are gone, and a hot tier that notes what it is told to let go. */
async function create(t: ExecutionContext) {
  const { pins } = await createTestPinStore(t);
  for (let number = 0; number < PINS; number++) {
    const { requestId, contentKey } = await pins.add('alice', createPinRequest(number));
    await pins.beginFetch(contentKey, 'ours');
    await pins.endFetch(contentKey, { kind: 'pinned', sizeBytes: 1, blocks: 1 });
    await pins.remove('alice', requestId);
  }
  const state = { up: true, collecting: false, collectAtUnpin: 0 };
  const unpinned: string[] = [];
  const hot = {
    status: () => ({ up: state.up, detail: '', addresses: [] }),
    async unpin(contentKey: string) {
      unpinned.push(contentKey);
      if (unpinned.length === state.collectAtUnpin) state.collecting = true;
    },
  } as unknown as HotTier;
  const release = new ReleaseReconciler({
    store: pins,
    hot,
    log: createLog('silent'),
    collectingGarbage: () => state.collecting,
    onGarbage: () => undefined,
  });
  return { pins, release, state, unpinned };
}

test('what no pin names any more is let go, and then it is nowhere', async (t) => {
  const { pins, release, unpinned } = await create(t);
  t.deepEqual(await release.pass(never), { due: PINS, done: PINS, failed: 0, skipped: {} });
  t.is(unpinned.length, PINS);
  t.deepEqual(await pins.releasing(1), []);
});

test('nothing is unpinned while the hot tier is down or collects garbage', async (t) => {
  const { release, state, unpinned } = await create(t);
  state.collecting = true;
  t.deepEqual(await release.pass(never), { due: 0, done: 0, failed: 0, skipped: { gc: 1 } });
  state.up = false;
  t.deepEqual(await release.pass(never), { due: 0, done: 0, failed: 0, skipped: { hot_down: 1 } });
  t.deepEqual(unpinned, []);
});

test('a collection that begins amid a pass is not disturbed, and the rest is let go afterwards', async (t) => {
  const { release, state, unpinned } = await create(t);
  state.collectAtUnpin = 1;
  t.like(await release.pass(never), { failed: 0, skipped: { gc: 1 } });
  t.true(unpinned.length <= AT_ONCE_MAX, `${unpinned.length} unpins were begun`);
  state.collecting = false;
  await release.pass(never);
  t.is(new Set(unpinned).size, PINS);
});
