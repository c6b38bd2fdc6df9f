import type { BuiltPiece } from '../../../domain/piece.ts';

/**
 * So many bytes are served to providers: the CAR, and zeros after it where the piece is larger than the CAR needs. Curio takes a
 * piece only when it is the smallest that the bytes fit into.
 */
export function servedBytes({ carSizeBytes, pieceSizeBytes }: Pick<BuiltPiece, 'carSizeBytes' | 'pieceSizeBytes'>): number {
  const fitsIntoHalf = (pieceSizeBytes / 2 / 128) * 127;
  return Math.max(carSizeBytes, Math.floor(fitsIntoHalf) + 1);
}
