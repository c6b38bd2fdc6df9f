import { hash } from 'node:crypto';

import { type BlockSource, PieceError, type PieceWorks } from '../../daemon/domain/cold-ports.ts';
import type { BuiltPiece, PieceMember } from '../../daemon/domain/piece.ts';

/** The staging directory and what else outlives the process. Its CARs are a few bytes, whatever size they claim. */
export class SimDisk {
  /** Bytes of each piece's CAR, by piece id. */
  readonly staged = new Map<string, Uint8Array>();
  /** Manifests of pieces, by piece id: here the CAR itself, of which the hot blocks have to be there. */
  readonly manifests = new Map<string, Uint8Array>();
  isFull = false;
  /** `limits.piece_max`. */
  pieceMaxBytes = Number.POSITIVE_INFINITY;
  /** Sizes of contents that are to be cut, by key. */
  readonly sizes = new Map<string, number>();
}

/** Contents of the hot tier, by key. */
export type SimHot = ReadonlySet<string>;

const encoder = new TextEncoder();

/** @param keepsFiles - whether what is built is staged as well */
export function createSimWorks(disk: SimDisk, hot: SimHot, keepsFiles = () => true): PieceWorks {
  return {
    async build(pieceId, members) {
      for (const { contentKey } of members) {
        if (!hot.has(contentKey)) throw new PieceError('missing_block', `a block of ${contentKey} is not held`, { contentKey });
      }
      if (disk.isFull) throw new PieceError('no_room', 'the disk is full');
      const bytes = carOf(members);
      const largestBytes = members[0]?.part?.pieceBytesMax ?? disk.pieceMaxBytes;
      if (builtOf(members, bytes).pieceSizeBytes > largestBytes)
        throw new PieceError('too_large', 'it does not fit into the largest piece');
      disk.manifests.set(pieceId, bytes);
      if (keepsFiles()) disk.staged.set(pieceId, bytes);
      return builtOf(members, bytes);
    },
    async cut(contentKey, carBytesMax) {
      if (!hot.has(contentKey)) throw new PieceError('missing_block', `a block of ${contentKey} is not held`, { contentKey });
      const parts = Math.max(1, Math.ceil((disk.sizes.get(contentKey) ?? 0) / carBytesMax));
      return Array.from({ length: parts }, (_, index) => ({ from: index, to: index + 1, sizeBytes: carBytesMax - 1_000 }));
    },
    async staged(pieceId) {
      return disk.staged.has(pieceId) ? `sim:${pieceId}` : undefined;
    },
    async open({ id, carSizeBytes }) {
      if (!disk.staged.has(id) && !disk.manifests.has(id)) return undefined;
      return { carSizeBytes, read: async function* () {} };
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
    async forget(pieceId) {
      disk.staged.delete(pieceId);
      disk.manifests.delete(pieceId);
    },
    async list() {
      return [...new Set([...disk.staged.keys(), ...disk.manifests.keys()])];
    },
  };
}

/** What a provider gets that comes for a piece now; undefined when there is no manifest of it, or not all of its blocks. */
export function servedBytes(pieceId: string, { staged, manifests }: SimDisk, blocks: SimHot): Uint8Array | undefined {
  const file = staged.get(pieceId);
  const car = manifests.get(pieceId);
  if (file !== undefined || car === undefined) return file;
  const keys: string[] = JSON.parse(new TextDecoder().decode(car));
  return keys.every((key) => blocks.has(key)) ? car : undefined;
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
  return encoder.encode(JSON.stringify(members.map(({ contentKey, part }) => (part === undefined ? contentKey : [contentKey, part.from]))));
}

function builtOf(members: readonly PieceMember[], bytes: Uint8Array): BuiltPiece {
  const carSizeBytes = members.reduce((sum, { sizeBytes }) => sum + sizeBytes + 100, 100);
  const [first] = members;
  return {
    rootCid:
      members.length === 1 && first?.part === undefined && first !== undefined
        ? first.contentKey
        : `root-${hash('sha256', bytes).slice(0, 16)}`,
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
