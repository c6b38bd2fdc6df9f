import type { BuiltPiece, PieceMember } from './piece.ts';
import type { Pin } from './pin.ts';
import type { Receipt } from './receipt.ts';

/** How the root block of a content lies in a piece: all but the block itself. */
export interface RootProof {
  /** Of the section (its length, its CID, the block) in the piece, before padding. */
  offset: number;
  length: number;
  /** What completes the section to whole quads of 127 bytes, on either side. */
  before: Uint8Array;
  after: Uint8Array;
  /** From the quads up, nodes of 32 bytes. */
  siblings: readonly Uint8Array[];
  /** The content among whose blocks it lies, if that is another one. */
  within?: string;
}

/** Proofs of built pieces, kept in files. All rejections are PieceErrors. */
export interface PieceProofs {
  /** Undefined when none is kept for this content of it, or what is kept is damaged. */
  of(piece: BuiltPiece & { id: string }, members: readonly PieceMember[], contentKey: string): Promise<RootProof | undefined>;
  /** Builds the piece once more, from hot blocks and into nowhere, to keep its proofs. */
  make(piece: BuiltPiece & { id: string }, members: readonly PieceMember[], signal: AbortSignal): Promise<void>;
  drop(pieceId: string): Promise<void>;
  /** Ids of pieces of which there is something. */
  list(): Promise<string[]>;
}

/** A proposal as its client signed it. */
export interface SignedProposal {
  /** CBOR. */
  proposal: Uint8Array;
  /** The kind (1 secp256k1, 2 BLS), then the signature. */
  signature: Uint8Array;
}

/** One deal as a message that published it has it. */
export interface PublishedProposal extends SignedProposal {
  /** The message; the one that took its place, if another was asked for. */
  publishCid: string;
  chainDealId: number;
}

/** What publish messages on the chain say. All rejections are ColdErrors. */
export interface PublishRecords {
  /** Undefined when the node does not know the message, or none such took effect. */
  read(publishCid: string, signal: AbortSignal): Promise<PublishedProposal[] | undefined>;
  /** Looks through the messages between two epochs for the one that made the deal with this number. */
  find(chainDealId: number, epochs: { from: number; to: number }, signal: AbortSignal): Promise<PublishedProposal | undefined>;
}

export interface Receipts {
  /**
   * Rejects with `CONFLICT` where there is nothing to prove yet, or nothing to prove it with, and `UNAVAILABLE` where that will
   * pass by itself.
   */
  of(pin: Pin, signal: AbortSignal): Promise<Receipt>;
}
