import type { CID } from 'multiformats/cid';

import type { BuiltPiece } from './piece.ts';

/** Where a block lies in a piece's CAR. */
export interface SectionPlace {
  /** Where its section begins: with the length of CID and block together. */
  at: number;
  /** Of the whole section. */
  bytes: number;
  /** Of these, before the block. */
  headBytes: number;
}

/** Which block lies where in a piece's CAR. Rejects with a PieceError where that cannot be read any more. */
export interface PieceLayout {
  /** The section of that CID, in either version; undefined when none is known of. */
  find(cid: CID): Promise<SectionPlace | undefined>;
  /** The sections that begin at that byte and behind it, in order, up to the next that belongs to no content, or to the end. */
  from(at: number): AsyncIterable<SectionPlace>;
}

export interface PieceLayouts {
  /** Undefined where it is not known, which is said in the log when it should be. Never rejects. */
  of(piece: BuiltPiece & { id: string }): Promise<PieceLayout | undefined>;
}
