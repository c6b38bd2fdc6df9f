import test from 'ava';

import { TestCold } from '../fixtures/create-cold-reconcilers.ts';
import { createContentKey } from '../fixtures/create-pins.ts';

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;

const keys = (...numbers: number[]): string[] => numbers.map(createContentKey).sort();

async function waitingKeys(cold: TestCold): Promise<string[]> {
  return (await cold.store.waiting('default')).map(({ contentKey }) => contentKey).sort();
}

/** The pieces that a content is in. */
async function piecesOf(cold: TestCold, number: number) {
  return (await cold.store.piecesOf(createContentKey(number))).map(({ value }) => value);
}

test('pinned, waiting, sealed, built: a content waits for others, and no longer than its policy says', async (t) => {
  const cold = await TestCold.create();
  await cold.pin(1);
  await cold.pin(2);
  cold.clock.tick(cold.policy.maxWaitMs - 1);
  t.deepEqual(await waitingKeys(cold), [], 'nobody has looked yet');
  await cold.pass('pieces');
  t.deepEqual(await waitingKeys(cold), keys(1, 2));
  cold.clock.tick(cold.policy.maxWaitMs - 1);
  t.like(await cold.pass('pieces'), { done: 0, skipped: { waiting_for_piece: 2 } });
  cold.clock.tick();
  await cold.pass('pieces');
  t.deepEqual(await waitingKeys(cold), []);
  const [piece] = await piecesOf(cold, 1);
  t.like(piece, { state: 'built', policy: 'default', due: { queue: 'create' }, summary: { min: 2, target: 3, active: 0, pending: 0 } });
  t.deepEqual(piece?.members.map(({ contentKey }) => contentKey).sort(), keys(1, 2));
  t.true(cold.disk.staged.has(piece?.id ?? ''));
});

test('contents that are large enough together wait for nothing', async (t) => {
  const cold = await TestCold.create();
  for (const number of [1, 2, 3, 4]) await cold.pin(number);
  await cold.pass('pieces');
  t.is(cold.store.totals().pieces.built, 1);
  t.deepEqual(await waitingKeys(cold), []);
});

test('nothing of a content that was not fetched yet, or was unpinned while it waited, gets into a piece', async (t) => {
  const cold = await TestCold.create();
  await cold.stores.pins.add('bob', { cid: createContentKey(1), contentKey: createContentKey(1), origins: [] });
  await cold.pin(2);
  await cold.pass('pieces');
  t.deepEqual(await waitingKeys(cold), keys(2));
  await cold.unpin(2);
  cold.clock.tick(2 * HOUR_MS);
  await cold.pass('pieces');
  t.deepEqual([await waitingKeys(cold), cold.store.totals().pieces.built ?? 0], [[], 0]);
});

test('a missing block stops neither the pieces behind it nor, after a few tries, the contents beside it', async (t) => {
  const cold = await TestCold.create();
  for (const number of [1, 2, 3, 4]) await cold.pin(number);
  cold.hot.delete(createContentKey(2));
  t.like(await cold.pass('pieces'), { failed: 1 });
  for (const number of [5, 6, 7, 8]) await cold.pin(number);
  t.like(await cold.pass('pieces'), { failed: 0, skipped: { build_failed: 1 } });
  t.is((await piecesOf(cold, 5))[0]?.state, 'built');
  t.like(await piecesOf(cold, 1), [{ state: 'sealed', next: { code: 'missing_block' } }]);
  for (let times = 0; times < 2; times++) {
    cold.clock.tick(HOUR_MS);
    await cold.pass('pieces');
  }
  for (const number of [1, 3, 4]) t.is((await piecesOf(cold, number)).at(-1)?.state, 'built', `content ${number}`);
  t.is((await piecesOf(cold, 2)).at(-1)?.state, 'sealed');
  cold.hot.add(createContentKey(2));
  cold.clock.tick(6 * HOUR_MS);
  await cold.pass('pieces');
  t.is((await piecesOf(cold, 2)).at(-1)?.state, 'built');
});

test('a build that failed rests for ever longer, and neither a restart nor a clock put back makes it wait', async (t) => {
  const cold = await TestCold.create();
  await cold.pin(1, 40 * MIB);
  cold.disk.isFull = true;
  await cold.pass('pieces');
  const failures = async (): Promise<number | undefined> => (await piecesOf(cold, 1))[0]?.buildFailures;
  t.like(await piecesOf(cold, 1), [{ state: 'sealed', next: { code: 'no_room' }, buildFailures: 1 }]);
  for (const [afterMs, expected] of [
    [59_999, 1],
    [1, 2],
    [119_999, 2],
    [1, 3],
  ] as const) {
    cold.clock.tick(afterMs);
    await cold.pass('pieces');
    t.is(await failures(), expected);
  }
  cold.begin();
  await cold.pass('pieces');
  t.is(await failures(), 4);
  cold.clock.tick(-365 * 24 * HOUR_MS);
  await cold.pass('pieces');
  t.is(await failures(), 5);
  cold.disk.isFull = false;
  cold.begin();
  await cold.pass('pieces');
  t.like(await piecesOf(cold, 1), [{ state: 'built', buildFailures: 0 }]);
});

test('a content that nobody pins any more is marked in a built piece, whose deals go on', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1, 2);
  await cold.pass('create');
  await cold.unpin(1);
  await cold.pass('pieces');
  const { members, state } = await cold.piece(pieceId);
  t.is(state, 'built');
  t.deepEqual(
    members.filter(({ gone }) => gone === true).map(({ contentKey }) => contentKey),
    keys(1),
  );
  t.is(cold.maker.sends.length, 3);
});

test('the last unpin retires a piece: its deals run on, and no copy is made in their place', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.stored(1);
  await cold.unpin(1);
  await cold.pass('pieces', 'create', 'renew');
  t.like(await cold.piece(pieceId), { state: 'retired', next: { code: 'retired' } });
  t.is((await cold.deals(pieceId)).filter(({ state }) => state === 'active').length, 3);
  cold.advance(cold.policy.durationEpochs);
  await cold.pass('verify', 'create', 'renew');
  t.is(cold.maker.sends.length, 3);
});

test('a pin that comes back finds its piece again: nothing is packed or bought a second time', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.stored(1);
  await cold.unpin(1);
  await cold.pass('pieces', 'create', 'renew');
  await cold.pin(1);
  await cold.pass('pieces', 'create', 'renew');
  t.like(await cold.piece(pieceId), { state: 'built', next: { code: 'enough' } });
  t.deepEqual(
    (await cold.piece(pieceId)).members.map(({ gone }) => gone),
    [undefined],
  );
  t.deepEqual([await waitingKeys(cold), (await piecesOf(cold, 1)).length, cold.maker.sends.length], [[], 1, 3]);
  cold.advance(cold.policy.durationEpochs);
  await cold.pass('verify', 'renew');
  t.is(cold.maker.sends.length, 6, 'it is renewed like any other');
});

test('an unpin before the piece is built takes the content out of it', async (t) => {
  const cold = await TestCold.create();
  for (const number of [1, 2, 3, 4]) await cold.pin(number);
  cold.disk.isFull = true;
  await cold.pass('pieces');
  await cold.unpin(1);
  cold.disk.isFull = false;
  cold.clock.tick(HOUR_MS);
  await cold.pass('pieces');
  const [piece] = await piecesOf(cold, 2);
  t.is(piece?.state, 'built');
  t.deepEqual(piece?.members.map(({ contentKey }) => contentKey).sort(), keys(2, 3, 4));
});

test('pieces are made while the node is away and while spending is frozen', async (t) => {
  const cold = await TestCold.create();
  await cold.view.freeze('not now');
  cold.chain.failure = 'unreachable';
  await cold.build(1);
  t.is(cold.store.totals().pieces.built, 1);
});

test('proofs go with pieces that nobody pins and no deal is about any more, once a day', async (t) => {
  const cold = await TestCold.create();
  const [dealt, kept, gone] = [await cold.stored(3), await cold.build(1), await cold.build(2)];
  for (const id of [kept, gone, dealt, 'never-was']) cold.proofs.add(id);
  await cold.unpin(2);
  await cold.unpin(3);
  cold.clock.tick(25 * HOUR_MS);
  await cold.pass('pieces');
  t.is((await cold.piece(gone)).state, 'retired');
  cold.clock.tick(HOUR_MS);
  await cold.pass('pieces');
  cold.clock.tick(25 * HOUR_MS);
  await cold.pass('pieces');
  t.deepEqual(new Set(cold.proofs), new Set([kept, dealt]), 'its deals live on, and who pins it again may want a receipt');
});
