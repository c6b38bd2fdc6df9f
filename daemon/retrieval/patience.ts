import type { BuiltPiece } from '../domain/piece.ts';

/** Bytes of a CAR are followed by zeros at most up to the end of the piece; its own bytes are 127 of 128. */
export const UNPADDED = 127 / 128;
export const ASK_MS = 60_000;
/** For what may have to be fetched whole before it is given: a minute, and a second for each MiB. */
const BYTES_PER_MS = 1_024;

/** From asking for something of a piece to its first byte. */
export function firstByteMs({ carSizeBytes }: Pick<BuiltPiece, 'carSizeBytes'>): number {
  return ASK_MS + Math.ceil(carSizeBytes / BYTES_PER_MS);
}

/** Anybody can be named by a router: who gives less than this is not waited for. */
const STRANGER_BYTES_PER_MS = 64;

/** For all of a content, from somebody with whom there is no deal. */
export function strangerMs(sizeBytes: number): number {
  return ASK_MS + Math.ceil(sizeBytes / STRANGER_BYTES_PER_MS);
}
