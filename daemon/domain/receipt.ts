/** What a receipt is called; another layout gets another number. */
export const RECEIPT_FORMAT = 'fbpd-receipt/1';

/**
 * A receipt: JSON by which anybody can check that the root block of a content lies in pieces that deals were signed about. Bytes
 * are base64, epochs and sizes numbers. What nobody can check without asking the chain is below `claims`. README, "Receipts",
 * has the rules by which it is checked.
 */
export interface Receipt {
  format: typeof RECEIPT_FORMAT;
  /** For people: what it proves, and what not. */
  about: string;
  /** Version 1, base32. */
  cid: string;
  /** RFC 3339. */
  made: string;
  claims: { network: string; genesisCid: string };
  pieces: ReceiptPiece[];
  /** SHA-256, in hex, of all of it but this, in canonical JSON: keys sorted, no spaces. */
  digest: string;
}

export interface ReceiptPiece {
  pieceCid: string;
  /** Padded bytes. */
  pieceSize: number;
  /** Of the root block in the piece, before padding: its length as a varint, its CID (of a cut content as raw), the block. */
  section: { offset: number; length: number };
  /** The whole quads of 127 bytes in which the section lies. */
  window: string;
  /** Nodes beside the way to the root of the piece, from quads upwards, left before right. */
  proof: string[];
  /** Of the CAR that the piece is, which the proof does not show; of a content that was cut, which part lies there, from 1. */
  claims: { carRoot: string; carSize: number; part?: { number: number; of: number } };
  deals: ReceiptDeal[];
}

export interface ReceiptDeal {
  /** CBOR, as it was signed. */
  proposal: string;
  /** Kind, then signature. */
  signature: string;
  proposalCids: {
    unsigned: string;
    /** With the client's ID address, which is a claim, in place of its key: what the market knows a pending deal by. */
    normalized: string;
    signed: string;
  };
  claims: ReceiptDealClaims;
}

export interface ReceiptDealClaims {
  /** ID address of the client. */
  clientId: string;
  dealId: number;
  sectorStartEpoch: number;
  /** Absent when the message could not be found. */
  publishCid?: string;
  /** When the finalized chain was last seen to have the deal in a sector. */
  lastVerified: { epoch: number; at: string; tipSet: string[] };
  /** When the provider last gave the bytes back, and they were right. */
  lastRetrieved?: string;
}
