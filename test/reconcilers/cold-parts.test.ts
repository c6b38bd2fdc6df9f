import test, { type ExecutionContext } from 'ava';
import { copiesOf } from '../../daemon/domain/copies.ts';
import type { Piece } from '../../daemon/domain/piece.ts';
import { Proofs } from '../../daemon/reconcilers/cold/proof.ts';
import { TestCold } from '../fixtures/create-cold-reconcilers.ts';
import { createContentKey } from '../fixtures/create-pins.ts';

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
const KEY = createContentKey(1);

async function parts(cold: TestCold): Promise<Piece[]> {
  return (await cold.store.piecesOf(KEY)).map(({ value }) => value).sort((a, b) => (a.part?.index ?? 0) - (b.part?.index ?? 0));
}

/** A content of three parts, cut and built. */
async function cut(): Promise<TestCold> {
  const cold = await TestCold.create();
  await cold.pin(1, 150 * MIB);
  await cold.pass('pieces');
  return cold;
}

async function copies(cold: TestCold) {
  const [proof] = await new Proofs(cold.store, false).of([KEY]);
  return proof;
}

async function stored(t: ExecutionContext): Promise<TestCold> {
  const cold = await cut();
  await cold.pass('create');
  for (const { id } of await parts(cold)) await cold.activate(await cold.deals(id));
  t.like(await copies(cold), { active: 3, pending: 0 });
  return cold;
}

test('a content larger than the largest piece becomes a piece for each part, and holds nobody up', async (t) => {
  const cold = await TestCold.create();
  await cold.pin(1, 150 * MIB);
  for (const number of [2, 3, 4, 5]) await cold.pin(number);
  t.like(await cold.pass('pieces'), { failed: 0 });
  t.is(cold.store.totals().pieces.built, 4);
  t.deepEqual(await cold.store.waiting('default'), []);
  const pieces = await parts(cold);
  t.deepEqual(
    pieces.map(({ state, members, part }) => [state, members.length, part?.index, part?.of, members[0]?.part]),
    [0, 1, 2].map((index) => ['built', 1, index, 3, pieces[index]?.part]),
  );
  t.is(new Set(pieces.map(({ part }) => part?.cut)).size, 1);
  t.is(new Set(pieces.map(({ built }) => built?.pieceCid)).size, 3);
  const [listed] = await cold.store.coldOf([KEY]);
  t.deepEqual(listed?.pieces.map(({ part }) => part?.index).sort(), [0, 1, 2]);
});

test('each part gets as many deals as are wanted, and the content is cold by its weakest part', async (t) => {
  const cold = await cut();
  await cold.pass('create');
  t.is(cold.maker.sends.length, 9);
  const [first, second, third] = await parts(cold);
  await cold.activate(await cold.deals(first?.id ?? ''));
  await cold.activate(await cold.deals(second?.id ?? ''));
  t.like(await copies(cold), { active: 0, pending: 3, isSampled: false });
  await cold.activate((await cold.deals(third?.id ?? '')).slice(0, 1));
  t.like(await copies(cold), { active: 1, pending: 2 });
});

test('it has come back once one copy of each part has', async (t) => {
  const cold = await stored(t);
  const pieces = await parts(cold);
  for (const [index, { id }] of pieces.entries()) {
    t.like(await copies(cold), { isSampled: false, pieceId: id }, 'this one is to be asked for next');
    const [deal] = await cold.store.dealsOf(id);
    if (deal === undefined) throw new Error('no deal');
    const retrievalEvidence = { kind: 'retrieval' as const, atMs: 1, seenEpoch: 1, bytes: 1, tookMs: 1, firstByteMs: 1 };
    await cold.store.write({ deals: [{ before: deal, after: { ...deal.value, retrievalEvidence } }] });
    t.is((await copies(cold))?.isSampled, index === pieces.length - 1);
  }
});

test('a part that loses a copy is repaired, and no other', async (t) => {
  const cold = await stored(t);
  const [, second] = await parts(cold);
  const [lost] = await cold.deals(second?.id ?? '');
  cold.chain.deals.delete(lost?.chainDealId ?? 0);
  for (let looks = 0; looks < 3; looks++) {
    cold.advance(cold.rules.recheckEpochs + cold.rules.confirmLostEpochs);
    await cold.pass('verify', 'create', 'renew');
  }
  t.is(cold.maker.sends.length, 10);
  t.is((await cold.deals(second?.id ?? '')).length, 4);
});

test('unpinned, all its parts are retired; pinned again they are found, and nothing is cut or bought a second time', async (t) => {
  const cold = await stored(t);
  await cold.unpin(1);
  await cold.pass('pieces', 'create', 'renew');
  t.deepEqual(
    (await parts(cold)).map(({ state, members }) => [state, members[0]?.gone]),
    [
      ['retired', true],
      ['retired', true],
      ['retired', true],
    ],
  );
  const before = (await parts(cold)).map(({ id }) => id);
  await cold.pin(1, 150 * MIB);
  await cold.pass('pieces', 'create', 'renew');
  t.deepEqual(
    (await parts(cold)).map(({ id, state }) => [id, state]),
    before.map((id) => [id, 'built']),
  );
  t.deepEqual([cold.maker.sends.length, (await cold.store.waiting('default')).length], [9, 0]);
});

test('unpinned before its parts are built, and pinned again, it is still one cut', async (t) => {
  const cold = await TestCold.create();
  cold.disk.isFull = true;
  await cold.pin(1, 150 * MIB);
  await cold.pass('pieces');
  t.deepEqual(
    (await parts(cold)).map(({ state }) => state),
    ['sealed', 'sealed', 'sealed'],
  );
  await cold.unpin(1);
  await cold.pass('pieces');
  cold.disk.isFull = false;
  await cold.pin(1, 150 * MIB);
  cold.clock.tick(HOUR_MS);
  await cold.pass('pieces');
  const pieces = await parts(cold);
  t.deepEqual(
    pieces.map(({ state }) => state),
    ['built', 'built', 'built'],
  );
  t.is(new Set(pieces.map(({ part }) => part?.cut)).size, 1);
});

test('another piece_max cuts nothing that is in pieces already', async (t) => {
  const cold = await cut();
  const before = await parts(cold);
  cold.rules.pieceMaxBytes = 16 * MIB;
  cold.begin();
  await cold.pass('pieces', 'create');
  t.deepEqual(
    (await parts(cold)).map(({ id, part }) => [id, part]),
    before.map(({ id, part }) => [id, part]),
  );
  await cold.unpin(1);
  await cold.pin(1, 150 * MIB);
  await cold.pass('pieces');
  t.is((await parts(cold)).length, 3);
});

test('a content that was to be a piece and came out too large for one is cut', async (t) => {
  const cold = await TestCold.create();
  cold.disk.isFull = true;
  await cold.pin(1, 40 * MIB);
  await cold.pass('pieces');
  t.like(await parts(cold), [{ state: 'sealed', part: undefined }]);
  cold.disk.isFull = false;
  cold.rules.pieceMaxBytes = 32 * MIB;
  cold.disk.pieceMaxBytes = 32 * MIB;
  cold.begin();
  await cold.pass('pieces');
  t.deepEqual(
    (await parts(cold)).map(({ state, part }) => [state, part?.index, part?.of]),
    [
      ['built', 0, 2],
      ['built', 1, 2],
    ],
  );
  t.deepEqual(await cold.store.waiting('default'), []);
});

test('what cannot be cut yet says why, rests, and is cut when it can be', async (t) => {
  const cold = await TestCold.create();
  await cold.pin(1, 150 * MIB);
  cold.hot.delete(KEY);
  t.like(await cold.pass('pieces'), { failed: 1 });
  t.like(await cold.store.waiting('default'), [{ contentKey: KEY, reason: { code: 'missing_block' } }]);
  cold.hot.add(KEY);
  t.like(await cold.pass('pieces'), { failed: 0, skipped: { cut_failed: 1 } });
  cold.clock.tick(60_000);
  await cold.pass('pieces');
  t.deepEqual([(await parts(cold)).length, (await cold.store.waiting('default')).length], [3, 0]);
});

test('the bytes of one part that are nowhere are made again as they were', async (t) => {
  const cold = await cut();
  const [, second] = await parts(cold);
  const id = second?.id ?? '';
  cold.disk.staged.delete(id);
  cold.hot.delete(KEY);
  for (let tries = 0; tries < 4; tries++) {
    await cold.pass('create');
    cold.advance(cold.rules.retryEpochs + 1);
  }
  t.is((await cold.piece(id)).state, 'sealed');
  t.is(copiesOf((await cold.store.coldOf([KEY]))[0]?.pieces ?? []).length, 1);
  cold.hot.add(KEY);
  cold.clock.tick(6 * HOUR_MS);
  await cold.pass('pieces', 'create');
  t.deepEqual((await cold.piece(id)).built, second?.built);
  t.is((await cold.deals(id)).length, 3);
});
