import { createHash } from 'node:crypto';

import { create } from 'fr32-sha2-256-trunc254-padded-binary-tree-multihash';

import { CID } from 'multiformats/cid';

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

/** The commitment of the same bytes in a larger piece: zeros behind them. */
export function padCommitment({ pieceCid, pieceSizeBytes }: PieceCommitment, toBytes: number): PieceCommitment {
  if (pieceSizeBytes >= toBytes) return { pieceCid, pieceSizeBytes };
  let root: Uint8Array = CID.parse(pieceCid).multihash.digest;
  let zeros: Uint8Array = new Uint8Array(COMMITMENT_BYTES);
  for (let size = COMMITMENT_BYTES; size < toBytes; size *= 2) {
    if (size >= pieceSizeBytes) root = inner(root, zeros);
    zeros = inner(zeros, zeros);
  }
  return { pieceCid: pieceCidOf(root), pieceSizeBytes: toBytes };
}

/** sha2-256 without its top two bits. */
function inner(left: Uint8Array, right: Uint8Array): Uint8Array {
  const hash = Uint8Array.from(createHash('sha256').update(left).update(right).digest());
  hash[COMMITMENT_BYTES - 1] = (hash[COMMITMENT_BYTES - 1] ?? 0) & 0x3f;
  return hash;
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
