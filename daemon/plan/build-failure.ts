import type { PieceFailure } from '../domain/cold-ports.ts';
import type { WaitingContent } from '../domain/cold-store-port.ts';
import type { Piece } from '../domain/piece.ts';
import type { Reason } from '../domain/pin.ts';
import { retired } from './contents.ts';
import { newPiece } from './new-piece.ts';

const FIRST_PAUSE_MS = 60_000;
const PAUSE_CAP_MS = 6 * 3_600_000;
/** A block may be missing for as long as the hot tier restarts; after so many builds the content is taken out. */
const FAILURES_BEFORE_SPLIT = 3;

export interface BuildFailurePlan {
  after: Piece;
  /** Pieces that take its contents over, when it is given up. */
  instead: Piece[];
  /** A content that is not to be in a piece whole: it waits to be cut. */
  toCut?: WaitingContent;
  againMs?: number;
}

/**
 * What becomes of a piece that could not be built. It is tried again, ever more seldom. A content that keeps the others
 * from being stored gets a piece of its own; so do the halves of one that came out too large, and a content that is too large by
 * itself is cut.
 */
export function planBuildFailure(piece: Piece, failure: PieceFailure, contentKey: string | undefined, nowMs: number): BuildFailurePlan {
  const buildFailures = piece.buildFailures + 1;
  const [member, another] = piece.members;
  if (failure === 'too_large' && contentKey === undefined && member !== undefined && another === undefined && piece.part === undefined) {
    const toCut = {
      contentKey: member.contentKey,
      policy: piece.policy,
      sizeBytes: member.sizeBytes,
      sinceMs: nowMs,
      toCut: true as const,
    };
    return { after: { ...retired(piece), members: [], buildFailures, next: SPLIT }, instead: [], toCut };
  }
  const groups = groupsOf(piece, failure, contentKey, buildFailures);
  if (groups.length > 1) {
    const why = { code: 'split', text: 'not all of it could be built together' };
    const policy = { name: piece.policy, replicas: { min: piece.summary.min, target: piece.summary.target } };
    const instead = groups.map((members) => newPiece({ policy, members, nowMs, why }));
    return {
      after: { ...retired(piece), members: [], buildFailures, next: SPLIT },
      instead,
    };
  }
  return { after: { ...piece, buildFailures, next: TEXTS[failure] }, instead: [], againMs: nowMs + pauseMs(buildFailures) };
}

/** What is said of a content that could not be cut, and when it is tried again. It keeps its hot copy. */
export function cutFailed(failure: PieceFailure, message: string, failures: number, nowMs: number): { reason: Reason; againMs: number } {
  const reason = failure === 'too_large' ? { code: 'too_large', text: `waiting: ${message}; the hot copy is kept` } : TEXTS[failure];
  return { reason, againMs: nowMs + pauseMs(failures) };
}

function pauseMs(failures: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 30), PAUSE_CAP_MS);
}

function groupsOf({ members }: Piece, failure: PieceFailure, contentKey: string | undefined, buildFailures: number): Piece['members'][] {
  if (failure === 'too_large') {
    const half = Math.ceil(members.length / 2);
    return [members.slice(0, half), members.slice(half)].filter(({ length }) => length > 0);
  }
  if (failure !== 'missing_block' || contentKey === undefined || buildFailures < FAILURES_BEFORE_SPLIT) return [members];
  return [
    members.filter((member) => member.contentKey !== contentKey),
    members.filter((member) => member.contentKey === contentKey),
  ].filter(({ length }) => length > 0);
}

const SPLIT = { code: 'split', text: 'its contents are in other pieces' };

const TEXTS: Readonly<Record<PieceFailure, Piece['next']>> = {
  missing_block: { code: 'missing_block', text: 'waiting: the hot tier does not give all blocks; it is tried again' },
  too_large: { code: 'too_large', text: 'waiting: it is more than the largest piece takes; the hot copy is kept' },
  mismatch: { code: 'build_failed', text: 'waiting: the piece could not be built; it is tried again' },
  no_room: { code: 'no_room', text: 'waiting: there is no room to stage the piece' },
  aborted: { code: 'building', text: 'the piece is being built' },
};
