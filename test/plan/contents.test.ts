import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { DueContent, WaitingContent } from '../../daemon/domain/cold-store-port.ts';
import type { Content } from '../../daemon/domain/content.ts';
import type { Piece } from '../../daemon/domain/piece.ts';
import { type ContentPlan, planContent, planRepack } from '../../daemon/plan/contents.ts';
import { createDeal, createPiece } from '../fixtures/create-cold.ts';

const NOW_MS = 5_000;
const HEAD = 700;
const WAITING: WaitingContent = { contentKey: 'a', policy: 'default', sizeBytes: 1_048, sinceMs: 1_000 };

const held: Content = {
  key: 'a',
  pins: 1,
  hot: 'pinned',
  owner: 'ours',
  sizeBytes: 1_000,
  blocks: 1,
  attempts: 0,
  wantedSinceMs: 0,
  notBeforeMs: 0,
};

function pieceOf(change: Partial<Piece>, ...members: Piece['members'][number][]): Piece {
  return createPiece({ ...change, members });
}

/** Sealed, so with nothing that could be handed to a provider. */
function unbuilt(...members: Piece['members'][number][]): Piece {
  const { built: _, due: __, ...piece } = pieceOf({ state: 'sealed' }, ...members);
  return piece;
}

function plan(content: Content | undefined, pieces: readonly Piece[] = [], waiting?: WaitingContent): ContentPlan {
  const due: DueContent = { contentKey: 'a', version: 1, content, pieces: pieces.map((value) => ({ value, version: 1 })), waiting };
  return planContent(due, 'default', NOW_MS, HEAD);
}

const a = { contentKey: 'a', sizeBytes: 1_000 };
const b = { contentKey: 'b', sizeBytes: 2_000 };
const gone = { gone: true } as const;

test('a held content that is in no piece begins to wait, with room for the frames around its blocks', (t) => {
  const { wait, pieces, unwait } = plan(held);
  t.like(wait, { contentKey: 'a', policy: 'default', sinceMs: NOW_MS });
  t.true((wait?.sizeBytes ?? 0) > 1_000);
  t.deepEqual([pieces, unwait], [[], undefined]);
});

test('one that waits already goes on waiting since then; one that waits for another policy begins anew', (t) => {
  t.deepEqual(plan(held, [], WAITING), { pieces: [] });
  const other = { ...WAITING, policy: 'other' };
  t.like(plan(held, [], other), { wait: { policy: 'default', sinceMs: NOW_MS }, unwait: other });
});

for (const hot of ['wanted', 'failed', 'releasing'] as const) {
  test(`a content that is ${hot} in the hot tier waits for no piece`, (t) => {
    t.is(plan({ ...held, hot }).wait, undefined);
  });
}

test('a content that lies in a piece of its policy waits for no other; in a piece of another policy it does', (t) => {
  t.deepEqual(plan(held, [pieceOf({}, a, b)], WAITING), { pieces: [], unwait: WAITING });
  t.is(plan(held, [pieceOf({ policy: 'other' }, a)]).wait?.policy, 'default');
});

for (const [what, content] of [
  ['is forgotten', undefined],
  ['has no pins', { ...held, pins: 0 }],
] as const) {
  test(`a content that ${what} stops waiting, leaves a piece that is not built, and is marked in one that is`, (t) => {
    t.deepEqual(plan(content, [], WAITING), { pieces: [], unwait: WAITING });
    t.like(plan(content, [unbuilt(a, b)]).pieces, [{ after: { state: 'sealed', members: [b] } }]);
    t.like(plan(content, [pieceOf({}, a, b)]).pieces, [{ after: { state: 'built', members: [{ ...a, ...gone }, b] } }]);
  });
}

test('without any wanted content a piece is retired; a built one is due once more, so that its CAR goes', (t) => {
  t.like(plan(undefined, [pieceOf({}, a, { ...b, ...gone })]).pieces, [
    { after: { state: 'retired', due: { queue: 'renew', epoch: HEAD } } },
  ]);
  const [sealed] = plan(undefined, [unbuilt(a)]).pieces;
  t.is(sealed?.after.state, 'retired');
  t.is(sealed?.after.due, undefined);
});

test('what is gone already changes nothing', (t) => {
  t.deepEqual(plan(undefined, [pieceOf({ state: 'retired' }, { ...a, ...gone })]), { pieces: [] });
});

test('a pin that comes back takes the mark off, and brings a retired piece back to be looked at now', (t) => {
  const [marked] = plan(held, [pieceOf({}, { ...a, ...gone }, { ...b, ...gone })]).pieces;
  t.deepEqual(marked?.after.members, [a, { ...b, ...gone }]);
  const [back] = plan(held, [pieceOf({ state: 'retired' }, { ...a, ...gone })]).pieces;
  t.like(back?.after, { state: 'built', members: [a], due: { queue: 'renew', epoch: HEAD } });
});

test('bytes that are nowhere are tried for a few times, then the contents that are still wanted wait for another piece', (t) => {
  const piece = pieceOf({}, a, { ...b, ...gone });
  const first = planRepack(piece, [], NOW_MS);
  t.deepEqual(first, { after: { ...piece, buildFailures: 1 } });
  const third = planRepack({ ...piece, buildFailures: 2 }, [createDeal(1, { state: 'lost' })], NOW_MS);
  t.like(third.after, { state: 'retired', members: { length: 0 } });
  t.is(third.after.due, undefined);
  t.deepEqual(third.wait, [{ ...a, policy: 'default', sinceMs: NOW_MS }]);
});

test('while one deal lives its bytes may come back from there: the piece is not given up', (t) => {
  for (const state of ['intended', 'proposed', 'accepted', 'published', 'active'] as const) {
    const { after, wait } = planRepack(createPiece({ buildFailures: 100 }), [createDeal(1, { state })], NOW_MS);
    t.deepEqual([after.state, wait], ['built', undefined]);
  }
});

testProp(
  'unpinned and pinned again, a built piece is what it was but for when it is looked at',
  [fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }), fc.boolean()],
  (t, keys, others) => {
    const members = [...new Set(['a', ...keys])].map((contentKey) => ({
      contentKey,
      sizeBytes: 10,
      ...(others && contentKey !== 'a' ? gone : {}),
    }));
    const before = pieceOf({}, ...members);
    const [without] = plan(undefined, [before]).pieces;
    const [again] = without === undefined ? [] : plan(held, [without.after]).pieces;
    const { due: _, next: __, ...rest } = again?.after ?? before;
    const { due: ___, next: ____, ...expected } = before;
    t.deepEqual(rest, expected);
    t.truthy(again?.after.due);
  },
);
