import type { PieceReader } from './cold-ports.ts';
import type { BuiltPiece } from './piece.ts';

/** What a provider is told to fetch a piece's CAR by. The same for a deal each time it is asked for. */
export interface TransferOffer {
  /** `https://…`, as providers reach it. */
  url: string;
  /** To be sent along with each request for it. */
  headers: Readonly<Record<string, string>>;
  /** Of what is really served: the CAR, and the zeros after it where a larger piece was asked for. */
  sizeBytes: number;
}

/** Pieces that providers fetch from us. */
export interface Transfers {
  /**
   * Good until the deal has started or is over, whatever restarts come between.
   *
   * @param servedBytes - the CAR's size, or more: then zeros follow it
   */
  offer(dealId: string, piece: BuiltPiece & { id: string }, servedBytes: number): TransferOffer;
}

/** Bytes of pieces, for whoever may fetch them. */
export interface PieceBytes {
  /** Undefined when they cannot be had now: they are being seen to then, and worth asking for again a little later. */
  open(piece: BuiltPiece & { id: string }): Promise<PieceReader | undefined>;
}
