import test from 'ava';

import type { Piece } from '../../daemon/domain/piece.ts';
import { shortageOf } from '../../daemon/plan/waits.ts';
import { createPiece } from '../fixtures/create-cold.ts';

const pieceOf = (code: string, active: number, change: Partial<Piece> = {}): Piece =>
  createPiece({ summary: { min: 2, target: 3, active, pending: 0 }, next: { code, text: `waits by ${code}` }, ...change });

test('counted is what waits and has too few copies; the reason is that of most of them', (t) => {
  const pieces = [
    pieceOf('no_provider', 0),
    pieceOf('over_budget', 2),
    pieceOf('over_budget', 1),
    // Its copies are to be renewed, and are all there.
    pieceOf('no_provider', 3),
    pieceOf('in_progress', 0),
    pieceOf('proposing', 0),
    pieceOf('repacked', 0, { state: 'retired' }),
  ];
  const why = { code: 'over_budget', text: 'waits by over_budget' };
  t.deepEqual(shortageOf(pieces, false), { pieces: 3, belowMin: 2, isMore: false, why });
  t.like(shortageOf(pieces, true), { isMore: true });
  t.is(shortageOf(pieces.slice(3), true), undefined);
});
