import { encodeSectionHead } from '../cold/pieces/car-format.ts';
import { pieceCidOf } from '../cold/pieces/commp.ts';
import { heightOfPiece, quadsAround, rootAbove, zeroNode } from '../cold/pieces/multiproof.ts';
import { QUAD_BYTES } from '../cold/pieces/subtree.ts';
import type { ReceiptPiece } from '../domain/receipt.ts';
import type { RootProof } from '../domain/receipt-ports.ts';

/** A root block with what proves that it lies in a piece of that size, and larger ones that zeros make of it. */
export interface ProvenPlace {
  section: { offset: number; length: number };
  window: Buffer;
  siblings: readonly Uint8Array[];
  pieceSizeBytes: number;
}

/**
 * Undefined when block and proof do not make the piece: what was kept is damaged.
 *
 * @param cid - under which the root block lies there
 */
export function provenPlace(
  cid: Uint8Array,
  block: Uint8Array,
  { offset, length, before, after, siblings }: RootProof,
  { pieceCid, pieceSizeBytes }: { pieceCid: string; pieceSizeBytes: number },
): ProvenPlace | undefined {
  const window = Buffer.concat([before, encodeSectionHead(cid, block.length), block, after]);
  const place = { section: { offset, length }, window, siblings, pieceSizeBytes };
  return placeIn(place, { pieceCid, pieceSizeBytes }) === undefined ? undefined : place;
}

/**
 * The same in the piece of a proposal, which may be larger: beside the way up are zeros then. Undefined when it is another piece.
 */
export function placeIn(
  place: ProvenPlace,
  { pieceCid, pieceSizeBytes }: { pieceCid: string; pieceSizeBytes: number },
): Pick<ReceiptPiece, 'pieceCid' | 'pieceSize' | 'section' | 'window' | 'proof'> | undefined {
  const { section, window } = place;
  const quads = quadsAround(section.offset, section.length);
  if (window.length !== QUAD_BYTES * (quads.to - quads.from) || pieceSizeBytes < place.pieceSizeBytes) return undefined;
  const height = heightOfPiece(pieceSizeBytes);
  const siblings = [...place.siblings];
  for (let at = heightOfPiece(place.pieceSizeBytes); at < height; at++) siblings.push(zeroNode(at));
  const parts = Array.from({ length: quads.to - quads.from }, (_, i) => window.subarray(QUAD_BYTES * i, QUAD_BYTES * (i + 1)));
  const root = rootAbove(parts, quads.from, height, siblings);
  if (root === undefined || pieceCidOf(root) !== pieceCid) return undefined;
  return {
    pieceCid,
    pieceSize: pieceSizeBytes,
    section,
    window: window.toString('base64'),
    proof: siblings.map((node) => Buffer.from(node).toString('base64')),
  };
}
