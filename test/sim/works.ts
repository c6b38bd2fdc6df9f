import { hash } from 'node:crypto';

import { type BlockSource, PieceError, type PieceWorks } from '../../daemon/domain/cold-ports.ts';
import type { BuiltPiece, PieceMember } from '../../daemon/domain/piece.ts';

/** The staging directory and what else outlives the process. Its CARs are a few bytes, whatever size they claim. */
export class SimDisk {
  /** Bytes of each piece's CAR, by piece id. */
  readonly staged = new Map<string, Uint8Array>();
  isFull = false;
}

/** Contents of the hot tier, by key. */
export type SimHot = ReadonlySet<string>;

const encoder = new TextEncoder();

export function createSimWorks(disk: SimDisk, hot: SimHot): PieceWorks {
  return {
    async build(pieceId, members) {
      for (const { contentKey } of members) {
        if (!hot.has(contentKey)) throw new PieceError('missing_block', `a block of ${contentKey} is not held`, { contentKey });
      }
      if (disk.isFull) throw new PieceError('no_room', 'the disk is full');
      const bytes = carOf(members);
      disk.staged.set(pieceId, bytes);
      return builtOf(members, bytes);
    },
    async staged(pieceId) {
      return disk.staged.has(pieceId) ? `sim:${pieceId}` : undefined;
    },
    async receive(piece, car) {
      const bytes = await wholePiece(piece, car);
      if (disk.isFull) throw new PieceError('no_room', 'the disk is full');
      disk.staged.set(piece.id, bytes);
      return { bytes: piece.carSizeBytes };
    },
    async check(piece, car) {
      await wholePiece(piece, car);
      return { bytes: piece.carSizeBytes };
    },
    async drop(pieceId) {
      disk.staged.delete(pieceId);
    },
    async list() {
      return [...disk.staged.keys()];
    },
  };
}

/** Raw blocks of which only the hash in the CID counts. */
export function createSimBlocks(hot: SimHot): BlockSource {
  return {
    async block(cid) {
      if (!hot.has(cid)) throw new PieceError('missing_block', `${cid} is not held`);
      return encoder.encode(cid);
    },
  };
}

export function pieceCidOf(bytes: Uint8Array): string {
  return `baga-${hash('sha256', bytes).slice(0, 24)}`;
}

function carOf(members: readonly PieceMember[]): Uint8Array {
  return encoder.encode(JSON.stringify(members.map(({ contentKey }) => contentKey)));
}

function builtOf(members: readonly PieceMember[], bytes: Uint8Array): BuiltPiece {
  const carSizeBytes = members.reduce((sum, { sizeBytes }) => sum + sizeBytes + 100, 100);
  const [first] = members;
  return {
    rootCid: members.length === 1 && first !== undefined ? first.contentKey : `root-${hash('sha256', bytes).slice(0, 16)}`,
    pieceCid: pieceCidOf(bytes),
    carSizeBytes,
    pieceSizeBytes: 2 ** Math.max(8, Math.ceil(Math.log2((carSizeBytes * 128) / 127))),
  };
}

async function wholePiece(piece: BuiltPiece, car: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of car) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (pieceCidOf(bytes) !== piece.pieceCid) throw new PieceError('mismatch', `these are not the bytes of ${piece.pieceCid}`);
  return bytes;
}
