import type { Piece, PieceMember } from '../domain/piece.ts';
import type { Reason } from '../domain/pin.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import { pieceIdOf } from './ids.ts';

export interface NewPieceInput {
  policy: Pick<ColdPolicy, 'name' | 'replicas'>;
  members: readonly PieceMember[];
  nowMs: number;
  /** Why it is sealed now. */
  why: Reason;
}

/** A piece whose contents are fixed. */
export function newPiece({ policy, members, nowMs, why }: NewPieceInput): Piece {
  const part = members[0]?.part;
  return {
    id: pieceIdOf(
      policy.name,
      members.map(({ contentKey, part: own }) => (own === undefined ? contentKey : `${contentKey} ${own.cut} ${own.index}`)),
      nowMs,
    ),
    policy: policy.name,
    state: 'sealed',
    members,
    ...(part === undefined ? {} : { part }),
    createdMs: nowMs,
    buildFailures: 0,
    summary: { ...policy.replicas, active: 0, pending: 0 },
    next: { code: 'building', text: `the piece is being built: ${why.text}` },
    generation: 0,
  };
}
