import type { WaitingContent } from '../domain/cold-store-port.ts';
import type { CutPart, Piece } from '../domain/piece.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import { cutIdOf } from './ids.ts';
import { newPiece } from './new-piece.ts';

export interface PartsInput {
  waiting: WaitingContent;
  parts: readonly CutPart[];
  policy: Pick<ColdPolicy, 'name' | 'replicas'>;
  /** The largest piece, for which it was cut. */
  pieceMaxBytes: number;
  nowMs: number;
}

/** A piece for each part of a content that is too large for one; a single one that holds all of it where it fits after all. */
export function planParts({ waiting, parts, policy, pieceMaxBytes, nowMs }: PartsInput): Piece[] {
  const { contentKey, sizeBytes } = waiting;
  if (parts.length === 1) {
    const why = { code: 'full', text: 'it fills the largest piece' };
    return [newPiece({ policy, members: [{ contentKey, sizeBytes }], nowMs, why })];
  }
  const cut = cutIdOf(policy.name, contentKey, nowMs);
  return parts.map(({ from, to, sizeBytes: partBytes }, index) => {
    const part = { cut, index, of: parts.length, from, to, pieceBytesMax: pieceMaxBytes };
    const why = { code: 'cut', text: `it is part ${index + 1} of ${parts.length} of a content that is too large for one piece` };
    return newPiece({ policy, members: [{ contentKey, sizeBytes: partBytes, part }], nowMs, why });
  });
}
