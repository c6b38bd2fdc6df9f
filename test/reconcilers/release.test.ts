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
  const state = { up: true, collecting: false, collectAtUnpin: 0, fetched: new Set<string>() };
  const unpinned: string[] = [];
  const hot = {
    status: () => ({ up: state.up, detail: '', addresses: [] }),
    isPinned: async (contentKey: string) => !unpinned.includes(contentKey),
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
    fetched: async (keys) => new Set(keys.filter((key) => state.fetched.has(key))),
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

test('what a provider still fetches stays, but for what was blocked; what is wanted again is held as if it had not been let go', async (t) => {
  const { pins, release, state, unpinned } = await create(t);
  const [blocked = '', again = '', ...others] = (await pins.releasing(PINS)).map(({ key }) => key);
  state.fetched = new Set([blocked, again, ...others.slice(0, 10)]);
  await pins.block(blocked, 'gone');
  for (let number = 0; number < PINS; number++)
    if (createPinRequest(number).contentKey === again) await pins.add('alice', createPinRequest(number));
  t.deepEqual(await release.pass(never), { due: PINS - 10, done: PINS - 10, failed: 0, skipped: { being_fetched: 10 } });
  t.true(unpinned.includes(blocked));
  t.false(unpinned.includes(again));
  t.like(await pins.content(again), { hot: 'pinned', owner: 'ours', pins: 1, sizeBytes: 1, blocks: 1 });
  t.deepEqual((await pins.releasing(PINS)).map(({ key }) => key).toSorted(), others.slice(0, 10).toSorted());
  state.fetched.clear();
  await release.pass(never);
  t.deepEqual(await pins.releasing(1), []);
});

test('what is wanted again and was unpinned all the same, when the process died of it, is fetched again', async (t) => {
  const { pins, release, unpinned } = await create(t);
  const { contentKey } = await pins.add('alice', createPinRequest(3));
  unpinned.push(contentKey);
  await release.pass(never);
  t.is(unpinned.filter((key) => key === contentKey).length, 2, 'to be sure');
  t.like(await pins.content(contentKey), { hot: 'wanted', owner: 'none', pins: 1 });
  t.is((await pins.nextQueued('alice', () => false)).next?.content.key, contentKey);
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
