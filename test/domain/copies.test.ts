import test from 'ava';

import { copiesOf } from '../../daemon/domain/copies.ts';

const piece = (id: string, active: number, pending = 0) => ({ id, summary: { active, pending } });
const part = (id: string, cut: string, index: number, of: number, active: number, pending = 0) => ({
  ...piece(id, active, pending),
  part: { cut, index, of },
});

function best(pieces: ReturnType<typeof part | typeof piece>[]) {
  const [first] = copiesOf(pieces);
  return first === undefined ? undefined : [first.active, first.pending, first.weakest?.id, first.pieces.map(({ id }) => id)];
}

test('of pieces that hold all of a content the best counts', (t) => {
  t.deepEqual(best([piece('a', 1, 2), piece('b', 2), piece('c', 2, 1)]), [2, 1, 'c', ['c']]);
  t.is(best([]), undefined);
});

test('a content that was cut is there as often as the part of which there is least', (t) => {
  t.deepEqual(best([part('b', 'x', 1, 3, 1, 2), part('a', 'x', 0, 3, 3), part('c', 'x', 2, 3, 2)]), [1, 2, 'b', ['a', 'b', 'c']]);
  t.deepEqual(best([part('a', 'x', 0, 2, 3), part('b', 'x', 1, 2, 0, 1)]), [0, 1, 'b', ['a', 'b']]);
});

test('without one of its parts it is not there at all', (t) => {
  t.deepEqual(best([part('a', 'x', 0, 3, 3), part('c', 'x', 2, 3, 3)]), [0, 0, undefined, ['a', 'c']]);
});

test('parts of two cuts are not put together, and of two pieces of one part the better counts', (t) => {
  t.deepEqual(best([part('a', 'x', 0, 2, 3), part('b', 'y', 1, 2, 3)])?.slice(0, 3), [0, 0, undefined]);
  t.deepEqual(best([part('a', 'x', 0, 2, 3), part('b', 'x', 1, 2, 0), part('b2', 'x', 1, 2, 2)]), [2, 0, 'b2', ['a', 'b2']]);
});

test('one piece that holds all of it may be better than any part of a cut', (t) => {
  t.deepEqual(best([part('a', 'x', 0, 2, 3), part('b', 'x', 1, 2, 1), piece('whole', 2)]), [2, 0, 'whole', ['whole']]);
});
