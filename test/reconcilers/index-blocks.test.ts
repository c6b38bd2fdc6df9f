import test, { type ExecutionContext } from 'ava';
import type { CID } from 'multiformats/cid';

import { contentKeyOf } from '../../daemon/domain/cid.ts';
import { HotError, type HotTier } from '../../daemon/domain/ports.ts';
import { createLog } from '../../daemon/log.ts';
import { IndexBlocksReconciler } from '../../daemon/reconcilers/index-blocks.ts';
import { openBlockIndex } from '../../daemon/store/block-index.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { createTestPinStore } from '../fixtures/create-pin-store.ts';
import { createPinRequest } from '../fixtures/create-pins.ts';
import { blockOf, indexContent, indexKeysIn } from '../store/index-model.ts';

const never = new AbortController().signal;
const log = createLog('silent');

/** Real stores, and a hot tier that walks DAGs of as many blocks as a content is said to have. */
async function create(t: ExecutionContext) {
  const { pins, store, clock } = await createTestPinStore(t);
  const index = await openBlockIndex({ store, log });
  await index.settled();
  const dags = new Map<string, readonly CID[]>();
  const walked: string[] = [];
  const state = { held: false, broken: false, whileWalking: async (_blocks: number): Promise<unknown> => undefined };
  const hot: Pick<HotTier, 'fetch'> = {
    async fetch(contentKey, limits, _, signal, options) {
      walked.push(contentKey);
      const blocks = dags.get(contentKey) ?? [];
      t.is(limits.dagBlocks, blocks.length);
      t.is(limits.dagBytes, 100 * blocks.length);
      for (const [at, cid] of blocks.entries()) {
        if (state.broken) throw new HotError('stalled', 'no peer has sent a block');
        await state.whileWalking(at);
        await options?.onBlock?.(cid);
        if (signal.aborted) throw new HotError('aborted', 'stopped', { cause: signal.reason });
      }
      return { blocks: blocks.length, bytes: 100 * blocks.length };
    },
  };
  const held = () => (state.held ? { code: 'min_free', text: '' } : undefined);
  const reconciler = new IndexBlocksReconciler({ store: pins, index, hot, clock, log, held });

  /** A content that is held, as it would be after a fetch that wrote no index. */
  async function hold(number: number, count: number) {
    const blocks = await Promise.all(Array.from({ length: count }, (_, at) => blockOf(number * 100_000 + at)));
    const contentKey = contentKeyOf(blocks[0] as CID);
    dags.set(contentKey, blocks);
    const { requestId } = await pins.add('alice', createPinRequest(0, { contentKey, cid: contentKey }));
    await pins.beginFetch(contentKey, 'ours');
    await pins.endFetch(contentKey, { kind: 'pinned', sizeBytes: 100 * count, blocks: count });
    return { contentKey, requestId, blocks };
  }

  const contentsOf = (cid: CID | undefined) => (cid === undefined ? Promise.resolve([]) : collect(index.contentsOf(cid, 10)));
  const listed = async () => (await collect(index.listed())).map(({ contentKey }) => contentKey);
  return { pins, store, clock, index, walked, state, reconciler, hold, contentsOf, listed };
}

test('a held content without an index is walked once, and then there is nothing to do', async (t) => {
  const { reconciler, hold, contentsOf, listed, walked } = await create(t);
  const { contentKey, blocks } = await hold(1, 3);
  t.deepEqual(await reconciler.pass(never), { due: 1, done: 1, failed: 0, skipped: {} });
  t.deepEqual(await contentsOf(blocks[2]), [contentKey]);
  t.deepEqual(await listed(), []);
  t.deepEqual(await reconciler.pass(never), { due: 0, done: 0, failed: 0, skipped: {} });
  t.deepEqual(walked, [contentKey]);
});

test('what was indexed as it came is not walked, nor is a content of one block', async (t) => {
  const { reconciler, hold, index, listed, walked } = await create(t);
  const { blocks } = await hold(1, 3);
  await indexContent(index, blocks[0] as CID, blocks);
  await hold(2, 1);
  await reconciler.pass(never);
  t.deepEqual(walked, []);
  t.deepEqual(await listed(), []);
});

test('what is held no more goes out of the index, to the last key', async (t) => {
  const { reconciler, hold, pins, store, contentsOf } = await create(t);
  const gone = await hold(1, 3_000);
  const blocked = await hold(2, 3);
  await reconciler.pass(never);
  await pins.remove('alice', gone.requestId);
  await pins.block(blocked.contentKey, '');
  await reconciler.pass(never);
  t.deepEqual(await contentsOf(gone.blocks[5]), []);
  t.deepEqual(await contentsOf(blocked.blocks[2]), []);
  t.deepEqual(await indexKeysIn(store), []);
});

test('a cold content keeps its index, and is not walked for one', async (t) => {
  const { reconciler, hold, pins, contentsOf, walked } = await create(t);
  const { contentKey, blocks } = await hold(1, 3);
  await reconciler.pass(never);
  await pins.evict(contentKey, '');
  const without = await hold(2, 3);
  await pins.evict(without.contentKey, '');
  await reconciler.pass(never);
  t.deepEqual(await contentsOf(blocks[1]), [contentKey]);
  t.deepEqual(walked, [contentKey]);
});

test('while pins are held back nothing is walked, but what is gone is dropped', async (t) => {
  const { reconciler, hold, pins, state, contentsOf, listed, walked } = await create(t);
  const gone = await hold(1, 3);
  await reconciler.pass(never);
  state.held = true;
  await pins.remove('alice', gone.requestId);
  const { contentKey } = await hold(2, 3);
  t.like(await reconciler.pass(never), { failed: 0, skipped: { min_free: 1 } });
  t.deepEqual(await contentsOf(gone.blocks[1]), []);
  t.deepEqual(await listed(), [contentKey]);
  state.held = false;
  await reconciler.pass(never);
  t.deepEqual(walked, [gone.contentKey, contentKey]);
});

test('a content that cannot be walked is left alone for an hour, and holds up no other', async (t) => {
  const { reconciler, hold, clock, state, listed, walked } = await create(t);
  const broken = await hold(1, 3);
  state.broken = true;
  t.like(await reconciler.pass(never), { done: 0, failed: 1 });
  state.broken = false;
  const other = await hold(2, 3);
  t.deepEqual(await reconciler.pass(never), { due: 1, done: 1, failed: 0, skipped: { failed_before: 1 } });
  t.deepEqual(await listed(), [broken.contentKey]);
  clock.tick(3_600_000);
  t.like(await reconciler.pass(never), { done: 1, failed: 0 });
  t.deepEqual(walked, [broken.contentKey, other.contentKey, broken.contentKey]);
});

test('a walk ends when nobody wants the content any more, and leaves nothing', async (t) => {
  const { reconciler, hold, pins, store, state } = await create(t);
  const { requestId } = await hold(1, 5_000);
  let walkedBlocks = 0;
  state.whileWalking = async (at) => {
    walkedBlocks = at;
    if (at === 2_000) await pins.remove('alice', requestId);
  };
  await reconciler.pass(never);
  t.true(walkedBlocks >= 2_000 && walkedBlocks < 3_000, `${walkedBlocks}`);
  await reconciler.pass(never);
  t.deepEqual(await indexKeysIn(store), []);
});

test('a pass that is stopped amid a walk goes on with it in the next one', async (t) => {
  const { reconciler, hold, state, index, listed } = await create(t);
  const { contentKey } = await hold(1, 5_000);
  const stop = new AbortController();
  state.whileWalking = async (at) => {
    if (at === 4_000) stop.abort();
  };
  await reconciler.pass(stop.signal);
  t.false(await index.isWhole(contentKey));
  t.deepEqual(await listed(), [contentKey]);
  await reconciler.pass(never);
  t.true(await index.isWhole(contentKey));
});
