import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { WaitingContent } from '../../daemon/domain/cold-store-port.ts';
import { carCapacityBytes, planPieces, waitingReason } from '../../daemon/plan/pieces.ts';
import { createPolicy } from '../fixtures/create-cold.ts';

const MIB = 2 ** 20;
const PIECE_MAX = 64 * MIB;
const HOUR_MS = 3_600_000;

function waitingOf(contentKey: string, sizeBytes: number, sinceMs = 0): WaitingContent {
  return { contentKey, policy: 'default', sizeBytes, sinceMs };
}

function plan(waiting: WaitingContent[], nowMs: number, change = {}) {
  return planPieces({ waiting, policy: createPolicy(change), nowMs, pieceMaxBytes: PIECE_MAX });
}

const keysOf = ({ seal }: ReturnType<typeof plan>): string[][] => seal.map(({ members }) => members.map(({ contentKey }) => contentKey));

test('a young, small content waits until it is old enough, and is looked at again then', (t) => {
  const young = plan([waitingOf('a', MIB, 1_000)], HOUR_MS);
  t.deepEqual(young.seal, []);
  t.is(young.lookAtMs, HOUR_MS + 1_000);
  t.is(plan([waitingOf('a', MIB, 1_000)], HOUR_MS + 1_000).seal[0]?.why.code, 'old_enough');
});

test('contents are sealed as soon as they are large enough together, the oldest first', (t) => {
  const filled = plan([waitingOf('b', 20 * MIB, 2), waitingOf('a', 12 * MIB, 1), waitingOf('c', MIB, 3)], 10);
  t.deepEqual(keysOf(filled), [['a', 'b']]);
  t.is(filled.seal[0]?.why.code, 'filled');
  t.is(filled.lookAtMs, HOUR_MS + 3);
});

test('what would not fit any more goes into the next piece', (t) => {
  const full = plan([waitingOf('a', 30 * MIB, 1), waitingOf('b', 40 * MIB, 2)], 10, { minFillBytes: 60 * MIB });
  t.deepEqual(keysOf(full), [['a']]);
  t.is(full.seal[0]?.why.code, 'full');
});

test('a content larger than the largest piece is to be cut, and holds nobody up', (t) => {
  const planned = plan([waitingOf('big', PIECE_MAX, 0), waitingOf('a', 32 * MIB, 1)], 10);
  t.deepEqual(keysOf(planned), [['a']]);
  t.deepEqual(
    planned.toCut.map(({ contentKey }) => contentKey),
    ['big'],
  );
  t.is(plan([{ ...waitingOf('a', 1), toCut: true }], 10).toCut.length, 1, 'one that came out larger than was thought');
});

test('a thousand contents of no size do not make one record without end', (t) => {
  const many = Array.from({ length: 2_500 }, (_, index) => waitingOf(`c${String(index).padStart(5, '0')}`, 10));
  t.deepEqual(
    plan(many, HOUR_MS).seal.map(({ members }) => members.length),
    [1_000, 1_000, 500],
  );
});

test('users read when their content gets its piece, or what it waits for', (t) => {
  t.regex(waitingReason(waitingOf('a', 1), createPolicy(), HOUR_MS / 2).text, /in 30m at the latest.*32 MiB/);
  t.is(waitingReason({ ...waitingOf('a', 1), reason: { code: 'too_large', text: 'x' } }, createPolicy(), 0).code, 'too_large');
  t.is(waitingReason(waitingOf('a', 1), undefined, 0).code, 'no_policy');
});

testProp(
  'every content is sealed once, waits, or is to be cut; no CAR is larger than the largest piece; order of arrival does not matter',
  [fc.uniqueArray(fc.record({ key: fc.nat(500), size: fc.nat(80 * MIB), since: fc.nat(2 * HOUR_MS) }), { selector: ({ key }) => key })],
  (t, contents) => {
    const waiting = contents.map(({ key, size, since }) => waitingOf(`c${key}`, size, since));
    const planned = plan(waiting, 2 * HOUR_MS);
    const sealed = keysOf(planned).flat();
    const tooLarge = planned.toCut.map(({ contentKey }) => contentKey);
    t.is(new Set([...sealed, ...tooLarge]).size, sealed.length + tooLarge.length);
    for (const { from } of planned.seal) {
      t.true(from.length > 0);
      t.true(from.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) < carCapacityBytes(PIECE_MAX));
    }
    const left = waiting.filter(({ contentKey }) => !sealed.includes(contentKey) && !tooLarge.includes(contentKey));
    t.true(left.every(({ sinceMs }) => sinceMs > HOUR_MS));
    t.is(planned.lookAtMs, left.length === 0 ? undefined : Math.min(...left.map(({ sinceMs }) => sinceMs)) + HOUR_MS);
    t.deepEqual(plan(waiting.toReversed(), 2 * HOUR_MS), planned);
  },
);
