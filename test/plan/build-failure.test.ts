import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { PieceFailure } from '../../daemon/domain/cold-ports.ts';
import type { Piece } from '../../daemon/domain/piece.ts';
import { cutFailed, planBuildFailure } from '../../daemon/plan/build-failure.ts';
import { createPiece } from '../fixtures/create-cold.ts';

const MINUTE_MS = 60_000;
const NOW_MS = 1_000;
const FAILURES: readonly PieceFailure[] = ['missing_block', 'too_large', 'mismatch', 'no_room', 'aborted'];

function sealed(keys: readonly string[], change: Partial<Piece> = {}): Piece {
  const {
    built: _,
    due: __,
    ...piece
  } = createPiece({
    state: 'sealed',
    members: keys.map((contentKey) => ({ contentKey, sizeBytes: 1 })),
    ...change,
  });
  return piece;
}

const keysOf = (pieces: readonly Piece[]): string[][] => pieces.map(({ members }) => members.map(({ contentKey }) => contentKey));

test('a build is tried again after a minute, then ever more seldom, up to six hours', (t) => {
  const againMinutes = [0, 1, 2, 3, 8, 9, 500].map(
    (buildFailures) =>
      ((planBuildFailure(sealed(['a'], { buildFailures }), 'no_room', undefined, NOW_MS).againMs ?? 0) - NOW_MS) / MINUTE_MS,
  );
  t.deepEqual(againMinutes, [1, 2, 4, 8, 256, 360, 360]);
});

test('a failed build is counted and its reason said; the piece stays as it is', (t) => {
  const piece = sealed(['a', 'b']);
  for (const failure of FAILURES.filter((one) => one !== 'too_large')) {
    const { after, instead } = planBuildFailure(piece, failure, undefined, NOW_MS);
    t.deepEqual(instead, []);
    t.deepEqual({ ...after, next: piece.next }, { ...piece, buildFailures: 1 });
    t.notRegex(after.next.text, /[/\\]|ENO/);
  }
  t.is(planBuildFailure(piece, 'missing_block', 'a', NOW_MS).after.next.code, 'missing_block');
  t.is(planBuildFailure(piece, 'no_room', undefined, NOW_MS).after.next.code, 'no_room');
});

test('a content whose block is missing is taken out of the way of the others at the third build, not before', (t) => {
  const plan = (buildFailures: number) => planBuildFailure(sealed(['a', 'b', 'c'], { buildFailures }), 'missing_block', 'b', NOW_MS);
  t.deepEqual([plan(0).instead, plan(1).instead], [[], []]);
  const { after, instead, againMs } = plan(2);
  t.deepEqual(keysOf(instead), [['a', 'c'], ['b']]);
  t.like(after, { state: 'retired', next: { code: 'split' }, members: { length: 0 } });
  t.is(againMs, undefined);
  t.true(instead.every(({ state, policy, buildFailures }) => state === 'sealed' && policy === 'default' && buildFailures === 0));
});

test('alone with its missing block a content waits on', (t) => {
  const { after, instead, againMs } = planBuildFailure(sealed(['a'], { buildFailures: 50 }), 'missing_block', 'a', NOW_MS);
  t.like(after, { state: 'sealed', next: { code: 'missing_block' } });
  t.deepEqual(instead, []);
  t.true((againMs ?? 0) > NOW_MS);
});

test('a piece that came out too large is halved at once; a single content that did is cut', (t) => {
  t.deepEqual(keysOf(planBuildFailure(sealed(['a', 'b', 'c']), 'too_large', undefined, NOW_MS).instead), [['a', 'b'], ['c']]);
  const { after, instead, toCut } = planBuildFailure(sealed(['a']), 'too_large', undefined, NOW_MS);
  t.like(after, { state: 'retired', members: { length: 0 } });
  t.deepEqual(instead, []);
  t.like(toCut, { contentKey: 'a', policy: 'default', toCut: true });
});

test('a single content with a block that no provider takes waits and says why, and so does a part', (t) => {
  const block = planBuildFailure(sealed(['a']), 'too_large', 'a', NOW_MS);
  t.like(block, { after: { state: 'sealed', next: { code: 'too_large' } }, instead: [] });
  const { members } = sealed(['a']);
  const part = { cut: 'c', index: 0, of: 2, from: 0, to: 1, pieceBytesMax: 1_024 };
  const cut = planBuildFailure(
    sealed(['a'], { part, members: members.map((member) => ({ ...member, part })) }),
    'too_large',
    undefined,
    NOW_MS,
  );
  t.like(cut, { after: { state: 'sealed', next: { code: 'too_large' } }, instead: [] });
  t.is(cut.toCut, undefined);
});

test('a content that cannot be cut is tried again ever more seldom, and says why', (t) => {
  t.like(cutFailed('too_large', 'it is a chain', 1, NOW_MS), { reason: { code: 'too_large' }, againMs: NOW_MS + 60_000 });
  t.regex(cutFailed('too_large', 'it is a chain', 1, NOW_MS).reason.text, /it is a chain; the hot copy is kept/);
  t.is(cutFailed('missing_block', 'gone', 3, NOW_MS).againMs, NOW_MS + 240_000);
});

testProp(
  'no content is lost or doubled by any failure, and no piece is its own successor',
  [
    fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
    fc.constantFrom(...FAILURES),
    fc.nat(20),
    fc.nat(20),
  ],
  (t, keys, failure, pick, buildFailures) => {
    const piece = sealed(keys, { buildFailures });
    const { after, instead } = planBuildFailure(piece, failure, keys[pick % keys.length], NOW_MS);
    t.deepEqual(
      keysOf([after, ...instead])
        .flat()
        .sort(),
      keys.toSorted(),
    );
    t.is(new Set([after, ...instead].map(({ id }) => id)).size, 1 + instead.length);
    t.true(instead.every(({ members }) => members.length > 0));
    t.is(after.state === 'retired', instead.length > 0);
  },
);
