import type { Reason } from './pin.ts';

/** Blocks of a content, counted in its depth-first order, each CID once: from the one to the one before the other. */
export interface PartRange {
  from: number;
  to: number;
}

/** What a content is cut into. */
export interface CutPart extends PartRange {
  /** Of its own blocks, each behind its length and CID. */
  sizeBytes: number;
}

/**
 * One of the parts of a content that is too large for a piece. What its CAR holds follows from this and the content, whatever the
 * limits are by then. Such a content is alone in its pieces.
 */
export interface PiecePart extends PartRange {
  /** The same for all parts that were cut at one time: together they are the content. */
  cut: string;
  /** From 0. */
  index: number;
  of: number;
  /** The largest piece for which it was cut, padded. */
  pieceBytesMax: number;
}

/** A content in a piece, in the order in which it lies in the CAR. */
export interface PieceMember {
  contentKey: string;
  /** Bytes of its distinct blocks. */
  sizeBytes: number;
  /** Nobody pins it any more; it stays in the bytes. */
  gone?: true;
  /** Absent when all of it lies there. */
  part?: PiecePart;
}

/** What a built piece is: fixed by its contents and their order, so that it can be built again and compared. */
export interface BuiltPiece {
  /** Root of the CAR: the content itself when it is alone, else the synthetic root. */
  rootCid: string;
  /** `baga…`, v1. */
  pieceCid: string;
  carSizeBytes: number;
  /** Padded: a power of two, at least 128 × carSize / 127. */
  pieceSizeBytes: number;
}

/**
 * - `sealed`: its contents are fixed, the CAR is still to be built
 * - `built`: deals can be made about it
 * - `retired`: all its contents are gone or in another piece, or it could not be built: no deal is made about it any more
 */
export type PieceState = 'sealed' | 'built' | 'retired';

/** Where the copies of a piece stand; written with every change of its deals, so that lists need not read them. */
export interface PieceSummary {
  min: number;
  target: number;
  /** Independent copies that the chain says are in a sector: deals with one provider, as while one is renewed, are one copy. */
  active: number;
  /** Deals on their way, those in doubt included. */
  pending: number;
  /** Of the active ones. */
  soonestEndEpoch?: number;
}

/** One CAR that deals are made about, under exactly one policy. */
export interface Piece {
  /** UUID. */
  id: string;
  policy: string;
  state: PieceState;
  members: readonly PieceMember[];
  /** Of its only member: lists do not read members. */
  part?: PiecePart;
  createdMs: number;
  built?: BuiltPiece;
  /** Builds that failed in a row. */
  buildFailures: number;
  summary: PieceSummary;
  /** What happens next, or why nothing does: shown to users. */
  next: Reason;
  /**
   * When the planner looks at it again, and which reconciler: `create` while copies are missing, `renew` while the next
   * thing to come is a renewal or a repair. Absent: only when something of it changes.
   */
  due?: { queue: 'create' | 'renew'; epoch: number };
  /**
   * As it came near its end most of it was wanted no more, so its contents began to wait for another piece. Then they were
   * not there in time, and it is renewed since; or they were, and it is retired for good.
   */
  repack?: { sinceEpoch: number; givenUpEpoch?: number; doneEpoch?: number };
  /** Deals ever intended for it: makes their ids unique. */
  generation: number;
}
