import test from 'ava';
import { CID } from 'multiformats/cid';
import { identity } from 'multiformats/hashes/identity';
import { sha256 } from 'multiformats/hashes/sha2';

import { contentKeyOf } from '../../daemon/domain/cid.ts';
import type { Commit, Store } from '../../daemon/domain/ports.ts';
import { createLog } from '../../daemon/log.ts';
import { openBlockIndex } from '../../daemon/store/block-index.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { MemoryStore } from '../fixtures/create-memory-store.ts';
import { createTestStore } from '../fixtures/create-store.ts';
import { blockOf, indexContent, indexKeysIn } from './index-model.ts';

const RAW = 0x55;
const DAG_PB = 0x70;
const never = new AbortController().signal;
const log = createLog('silent');

/** An index of parts of four entries, over a store that notes how large its commits are. */
async function create() {
  const store = new MemoryStore({ countedTypes: [] });
  const ops: number[] = [];
  const noting: Store = {
    get: (key) => store.get(key),
    getMany: (keys) => store.getMany(keys),
    range: (range) => store.range(range),
    keys: (range) => store.keys(range),
    counts: () => store.counts(),
    commit(commit: Commit) {
      ops.push(commit.ops.length);
      return store.commit(commit);
    },
  };
  const index = await openBlockIndex({ store: noting, log, partEntries: 4 });
  await index.settled();
  const contentsOf = (cid: CID, limit = 100) => collect(index.contentsOf(cid, limit));
  return { store, index, ops, contentsOf };
}

test('a block leads to every content that holds it, oldest first, and to no other', async (t) => {
  const { index, contentsOf } = await create();
  const [a, b, c] = [await blockOf(1), await blockOf(2), await blockOf(3)];
  const shared = await blockOf(10);
  for (const root of [a, b, c]) t.true(await indexContent(index, root, [shared, await blockOf(11)]));
  t.deepEqual(await contentsOf(shared), [a, b, c].map(contentKeyOf));
  t.deepEqual(await contentsOf(shared, 2), [a, b].map(contentKeyOf));
  t.deepEqual(await contentsOf(shared, 0), []);
  t.deepEqual(await contentsOf(await blockOf(12)), []);
});

test('one multihash is one block, whatever codec and version it is named with', async (t) => {
  const { index, contentsOf } = await create();
  const root = await blockOf(1);
  const multihash = await sha256.digest(Buffer.from('twice'));
  const names = [CID.createV0(multihash), CID.createV1(DAG_PB, multihash), CID.createV1(RAW, multihash)];
  await indexContent(index, root, names.slice(0, 2));
  for (const name of names) t.deepEqual(await contentsOf(name), [contentKeyOf(root)], name.toString());
});

test('an identity CID is never in the index, nor is a root on account of its own content', async (t) => {
  const { store, index, contentsOf } = await create();
  const inline = CID.createV1(RAW, identity.digest(Buffer.from('in the link')));
  const root = await blockOf(1);
  await indexContent(index, root, [root, CID.createV1(DAG_PB, root.multihash), inline]);
  t.deepEqual(await contentsOf(inline), []);
  t.deepEqual(await contentsOf(root), []);
  t.deepEqual(await indexKeysIn(store), [], 'a content of a single block leaves nothing at all');
});

test('a root that lies below another one is found there', async (t) => {
  const { index, contentsOf } = await create();
  const [inner, outer] = [await blockOf(1), await blockOf(2)];
  await indexContent(index, inner, [await blockOf(3)]);
  await indexContent(index, outer, [inner, await blockOf(3)]);
  t.deepEqual(await contentsOf(inner), [contentKeyOf(outer)]);
});

test('dropped, it is found no more, and what others hold still is; the rest goes in small commits', async (t) => {
  const { store, index, ops, contentsOf } = await create();
  const [gone, stays] = [await blockOf(1), await blockOf(2)];
  const blocks = await Promise.all(Array.from({ length: 30 }, (_, number) => blockOf(10 + number)));
  await indexContent(index, gone, blocks);
  await indexContent(index, stays, blocks.slice(0, 3));
  const keysOfStays = (await indexKeysIn(store)).length;
  ops.length = 0;
  await index.drop(contentKeyOf(gone));
  await index.drop(contentKeyOf(gone));
  t.deepEqual(ops, [3], 'the drop itself does no work');
  t.deepEqual(await contentsOf(await blockOf(10)), [contentKeyOf(stays)]);
  t.deepEqual(await contentsOf(await blockOf(20)), []);
  t.is(await index.sweep(never), 30);
  t.true(Math.max(...ops) <= 5, `${ops}`);
  t.deepEqual(await contentsOf(await blockOf(10)), [contentKeyOf(stays)]);
  t.true((await indexKeysIn(store)).length < keysOfStays);
  t.is(await index.sweep(never), 0);
  await index.drop(contentKeyOf(stays));
  await index.sweep(never);
  t.deepEqual(await indexKeysIn(store), []);
});

test('a walk that was cut off is gone on with: only what is new is written', async (t) => {
  const { index, ops, contentsOf } = await create();
  const root = await blockOf(1);
  const blocks = await Promise.all(Array.from({ length: 20 }, (_, number) => blockOf(10 + number)));
  const first = index.begin(contentKeyOf(root));
  for (const block of blocks.slice(0, 13)) await first.add(block);
  await first.stop();
  t.false(await index.isWhole(contentKeyOf(root)));
  const written = ops.length;
  t.true(await indexContent(index, root, blocks));
  t.true(await index.isWhole(contentKeyOf(root)));
  t.is(ops.length, written + 3, 'one block of the fourth part, four of the fifth, and the end');
  for (const block of blocks) t.deepEqual(await contentsOf(block), [contentKeyOf(root)]);
  const whole = ops.length;
  t.true(await indexContent(index, root, blocks));
  t.is(ops.length, whole, 'what is whole stays as it is');
});

test('who drops a content ends the walk that is writing its index', async (t) => {
  const { store, index, contentsOf } = await create();
  const root = await blockOf(1);
  const blocks = await Promise.all(Array.from({ length: 20 }, (_, number) => blockOf(10 + number)));
  const walk = index.begin(contentKeyOf(root));
  for (const block of blocks.slice(0, 10)) await walk.add(block);
  await index.drop(contentKeyOf(root));
  for (const block of blocks.slice(10)) await walk.add(block);
  t.false(await walk.finish());
  t.deepEqual(await contentsOf(await blockOf(10)), []);
  await index.sweep(never);
  t.deepEqual(await indexKeysIn(store), []);
});

test('who adds waits while a part is being written and the next one is full', async (t) => {
  const { index } = await create();
  const walk = index.begin(contentKeyOf(await blockOf(1)));
  const waits: (Promise<void> | undefined)[] = [];
  for (let number = 10; number < 18; number++) waits.push(walk.add(await blockOf(number)));
  t.deepEqual(
    waits.map((wait) => wait !== undefined),
    [false, false, false, true, false, false, false, true],
  );
  await waits[7];
  t.true(await walk.finish());
});

test('a store that refuses is no reason to stop a walk: the end of it says so', async (t) => {
  const { store, index } = await create();
  const walk = index.begin(contentKeyOf(await blockOf(1)));
  await store.close();
  for (let number = 10; number < 100; number++) await walk.add(await blockOf(number));
  await t.throwsAsync(walk.finish(), { code: 'UNAVAILABLE' });
  await walk.stop();
});

test('ids go on from where they were, also behind what is only dropped', async (t) => {
  const { store, index } = await create();
  const [a, b] = [await blockOf(1), await blockOf(2)];
  await indexContent(index, a, [await blockOf(10)]);
  await index.drop(contentKeyOf(a));
  const reopened = await openBlockIndex({ store, log });
  await indexContent(reopened, b, [await blockOf(10), await blockOf(11)]);
  await reopened.sweep(never);
  t.deepEqual(await collect(reopened.contentsOf(await blockOf(10), 10)), [contentKeyOf(b)]);
  t.deepEqual(await collect(store.keys({ gte: 'ii/', lt: 'ii0' })), ['ii/0000002']);
});

test('fbpd check names an entry that is missing, one too many, a lost part and a lost owner', async (t) => {
  const store = await createTestStore(t, { countedTypes: [] });
  const index = await openBlockIndex({ store, log, partEntries: 4 });
  const root = await blockOf(1);
  await indexContent(index, root, await Promise.all(Array.from({ length: 10 }, (_, number) => blockOf(10 + number))));
  const half = await blockOf(2);
  await indexContent(index, half, await Promise.all(Array.from({ length: 10 }, (_, number) => blockOf(10 + number))));
  await index.drop(contentKeyOf(half));
  const check = async () => (await verifyStore(store)).problems;
  t.deepEqual(await check(), [], 'an index that waits to be deleted is nothing wrong');
  const [first = ''] = await collect(store.keys({ gte: 'i/', lt: 'i0' }));
  const strange = 'i/AAAAAAAAAAAAAAAA/0000009';
  await store.commit({
    ops: [{ del: first }, { put: strange, value: new Uint8Array() }, { put: 'if/0000008/00000', value: Buffer.alloc(7) }],
  });
  const problems = await check();
  t.is(problems.length, 4, problems.join('\n'));
  t.true(problems.some((problem) => problem.includes(first) && problem.includes('lacks')));
  t.true(problems.some((problem) => problem.includes(strange) && problem.includes('nothing else')));
  t.true(problems.some((problem) => problem.includes('if/0000008/00000') && problem.includes('7 bytes')));
  await store.commit({ ops: [{ del: 'if/0000001/00001' }, { del: 'ii/0000001' }] });
  const more = await check();
  t.true(more.some((problem) => problem.includes('lacks "if/0000001/00001"')));
  t.true(more.some((problem) => problem.includes(`lacks "ii/0000001 ${contentKeyOf(root)}"`)));
});
