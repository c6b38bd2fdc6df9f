import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { DueContent, WaitingContent } from '../../daemon/domain/cold-store-port.ts';
import type { Content } from '../../daemon/domain/content.ts';
import type { Piece } from '../../daemon/domain/piece.ts';
import { type ContentPlan, planContent, planRepack } from '../../daemon/plan/contents.ts';
import { isInForce } from '../../daemon/plan/repack.ts';
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

const repacking = { repack: { sinceEpoch: 600 } };

test('while its piece is repacked a content waits for another one beside, when it is hot, and once', (t) => {
  const old = pieceOf(repacking, a, { ...b, ...gone });
  t.like(plan(held, [old]), { wait: { policy: 'default', sinceMs: NOW_MS }, pieces: { length: 0 } });
  t.deepEqual(plan(held, [old], WAITING), { pieces: [] });
  t.is(plan({ ...held, hot: 'cold' }, [old]).wait, undefined);
  for (const state of ['sealed', 'built'] as const)
    t.deepEqual(plan(held, [old, pieceOf({ id: 'newer', state }, a)], WAITING), { pieces: [], unwait: WAITING });
});

test('when its piece is renewed after all a content waits for no other one', (t) => {
  const givenUp = pieceOf({ repack: { sinceEpoch: 600, givenUpEpoch: 650 } }, a, { ...b, ...gone });
  t.deepEqual(plan(held, [givenUp], WAITING), { pieces: [], unwait: WAITING });
});

test('a pin that comes back while its piece is repacked is wanted there again, and goes along', (t) => {
  const { pieces, wait } = plan(held, [pieceOf(repacking, { ...a, ...gone }, b)]);
  t.like(pieces, [{ after: { members: [a, b], repack: { sinceEpoch: 600 } } }]);
  t.is(wait?.contentKey, 'a');
});

test('a pin that goes is marked in the old piece and in the new one', (t) => {
  const { pieces } = plan(undefined, [pieceOf(repacking, a, b), pieceOf({ id: 'newer' }, a, b)]);
  t.deepEqual(
    pieces.map(({ after }) => after.members[0]),
    [
      { ...a, ...gone },
      { ...a, ...gone },
    ],
  );
});

test('a piece that another one has taken over from is never brought back', (t) => {
  const done = { repack: { sinceEpoch: 600, doneEpoch: 650 } };
  const takenOver = (member: Piece['members'][number]) => pieceOf({ id: 'old', state: 'retired', ...done }, member);
  const newest = pieceOf({ id: 'newest', state: 'retired' }, { ...a, ...gone });
  t.like(plan(held, [takenOver({ ...a, ...gone }), newest]).pieces, [{ after: { id: 'newest', state: 'built' } }]);
  t.deepEqual(plan(held, [takenOver(a), pieceOf({ id: 'in-force' }, a)]), { pieces: [] });
  t.like(plan(held, [takenOver({ ...a, ...gone })]), { pieces: { length: 0 }, wait: { contentKey: 'a' } });
  const [again] = plan(undefined, [takenOver(a)]).pieces;
  t.deepEqual(again?.after.repack, done.repack);
});

test('a piece of which nothing is wanted any more is repacked no more', (t) => {
  const [{ after } = { after: undefined }] = plan(undefined, [pieceOf(repacking, a)]).pieces;
  t.is(after?.state, 'retired');
  t.is(after?.repack, undefined);
});

test('bytes that are nowhere are tried for a few times, then the contents that are still wanted are to wait for another piece', (t) => {
  const piece = pieceOf({}, a, { ...b, ...gone });
  const first = planRepack(piece, []);
  t.deepEqual(first, { after: { ...piece, buildFailures: 1 } });
  const third = planRepack({ ...piece, buildFailures: 2 }, [createDeal(1, { state: 'lost' })]);
  t.like(third.after, { state: 'retired', members: { length: 0 } });
  t.is(third.after.due, undefined);
  t.deepEqual(third.list, ['a']);
});

const part = { cut: 'c', index: 1, of: 3, from: 5, to: 9, pieceBytesMax: 2 ** 20 };
const partOfA = { ...a, part };

test('a part stays in its piece, built or not, when its content is not pinned any more, and is found again', (t) => {
  const { built: _, due: __, ...sealed } = pieceOf({ state: 'sealed', part }, partOfA);
  const [left] = plan(undefined, [sealed]).pieces;
  t.like(left?.after, { state: 'retired', members: [{ ...partOfA, ...gone }] });
  const again = plan(held, [left?.after ?? sealed]);
  t.is(again.wait, undefined, 'it is not cut a second time');
  t.like(again.pieces[0]?.after, { state: 'sealed', members: [partOfA], part });
  const [built] = plan(undefined, [pieceOf({ part }, partOfA)]).pieces;
  t.like(plan(held, [built?.after ?? sealed]).pieces[0]?.after, { state: 'built', members: [partOfA] });
});

test('the bytes of a part that are nowhere are made again, as the others would not go with those of another cut', (t) => {
  const piece = pieceOf({ part, buildFailures: 2 }, partOfA);
  const { after, list } = planRepack(piece, [createDeal(1, { state: 'lost' })]);
  t.like(after, { id: piece.id, state: 'sealed', members: [partOfA], part, buildFailures: 0 });
  t.deepEqual([after.built, after.due, list], [undefined, undefined, undefined]);
});

test('while one deal lives its bytes may come back from there: the piece is not given up', (t) => {
  for (const state of ['intended', 'proposed', 'accepted', 'published', 'active'] as const) {
    const { after, list } = planRepack(createPiece({ buildFailures: 100 }), [createDeal(1, { state })]);
    t.deepEqual([after.state, list], ['built', undefined]);
  }
});

const anyPiece = fc
  .record({
    policy: fc.constantFrom('default', 'default', 'other'),
    state: fc.constantFrom<Piece['state']>('sealed', 'built', 'built', 'retired'),
    mark: fc.constantFrom('none', 'going', 'givenUp'),
    isGone: fc.boolean(),
  })
  .map(({ policy, state, mark, isGone }): Piece => {
    const done = mark === 'givenUp' ? { givenUpEpoch: 650 } : {};
    const repack = { sinceEpoch: 600, ...(state === 'retired' ? { doneEpoch: 650 } : done) };
    return pieceOf({ policy, state, ...(mark === 'none' ? {} : { repack }) }, isGone ? { ...a, ...gone } : a, b);
  });

testProp(
  'whatever it lies in: a held content is in a piece in force or waits, and never both; without pins it is wanted nowhere',
  [fc.array(anyPiece, { maxLength: 4 }), fc.constantFrom(undefined, WAITING)],
  (t, drawn, waiting) => {
    const before = drawn.map((piece, at) => ({ ...piece, id: `piece-${at}` }));
    const afterwards = (content: Content | undefined) => {
      const { pieces, wait, unwait } = plan(content, before, waiting);
      const changed = new Map(pieces.map(({ after }) => [after.id, after]));
      const is = before.map((piece) => changed.get(piece.id) ?? piece);
      const wanting = is.filter((piece) =>
        piece.members.some(({ contentKey, gone: isGone }) => contentKey === 'a' && isGone === undefined),
      );
      return { waits: wait ?? (unwait === undefined ? waiting : undefined), wanting };
    };
    const { waits, wanting } = afterwards(held);
    const isHome = wanting.some((piece) => piece.policy === 'default' && isInForce(piece));
    t.is(isHome, waits === undefined);
    t.deepEqual(afterwards({ ...held, pins: 0 }), { waits: undefined, wanting: [] });
  },
);

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
