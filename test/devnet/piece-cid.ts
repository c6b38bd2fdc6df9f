import { create } from 'fr32-sha2-256-trunc254-padded-binary-tree-multihash';

import { readWholeFile } from './car-file.ts';
import { pieceCidOf } from './cids.ts';

const COMMITMENT_BYTES = 32;
/** The library hashes nothing shorter than this; zeros at the end do not change a commitment of that size. */
const LEAST_PAYLOAD_BYTES = 65;
/** Every 127 bytes become 128. */
const SMALLEST_PIECE_BYTES = 128;

export interface PieceCommitment {
  pieceCid: string;
  /** Padded. */
  pieceSizeBytes: number;
}

/** Computes a piece's CID, with a library that nothing else in fbpd uses, while its bytes come by. */
export class PieceHasher {
  readonly #hasher = create();
  #bytes = 0;

  write(bytes: Uint8Array): void {
    this.#hasher.write(bytes);
    this.#bytes += bytes.length;
  }

  end(): PieceCommitment {
    if (this.#bytes < LEAST_PAYLOAD_BYTES) this.#hasher.write(new Uint8Array(LEAST_PAYLOAD_BYTES - this.#bytes));
    const out = new Uint8Array(this.#hasher.multihashByteLength());
    this.#hasher.digestInto(out, 0, true);
    this.#hasher.free();
    return { pieceCid: pieceCidOf(out.slice(-COMMITMENT_BYTES)), pieceSizeBytes: pieceSizeOf(this.#bytes) };
  }
}

/** The smallest piece that so many bytes fit into. */
export function pieceSizeOf(payloadBytes: number): number {
  let size = SMALLEST_PIECE_BYTES;
  while ((size / 128) * 127 < payloadBytes) size *= 2;
  return size;
}

/** Bytes of payload that fill a piece. */
export function unpadded(pieceSizeBytes: number): number {
  return (pieceSizeBytes / 128) * 127;
}

export async function commitFile(path: string): Promise<PieceCommitment & { bytes: number }> {
  const hasher = new PieceHasher();
  let bytes = 0;
  for await (const chunk of readWholeFile(path)) {
    hasher.write(chunk);
    bytes += chunk.length;
  }
  return { ...hasher.end(), bytes };
}
