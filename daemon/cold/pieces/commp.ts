import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';

import type { HashPool } from './hash-pool.ts';
import type { TreeNode } from './multiproof.ts';
import {
  CHUNK_BYTES,
  CHUNK_QUADS,
  createSubtreeHasher,
  NODE_BYTES,
  nextPowerOfTwo,
  PADDED_QUAD_BYTES,
  parentOf,
  QUAD_BYTES,
  type SubtreeHasher,
} from './subtree.ts';

/**
 * Piece commitments ("CommP"): every 127 bytes are spread over 128 (fr32), and a binary tree of SHA-256, of which two
 * bits are cut off, is built over nodes of 32 bytes; what is missing to a power of two are zeros. Specified in
 * Filecoin's FRC-0069 and made alike by Lotus v1.26.3 (go-fil-commp-hashhash).
 */
export interface Commp {
  /** Version 1: `baga6ea4seaq…`. */
  pieceCid: string;
  /** A power of two, at least 128. */
  pieceSizeBytes: number;
  /** Of the input. */
  bytes: number;
}

/** The commitment of what is written to it. */
export interface CommpStream {
  /** Resolves when more is welcome; the bytes may be changed as soon as it was called. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Of everything written, zeros up to `pieceSizeBytesMin` included. Of nothing it is that of 127 zeros.
   * Nothing may be written any more.
   */
  finish(pieceSizeBytesMin?: number): Promise<Commp>;
}

/** Bytes that fit into a piece of that padded size. */
export function unpaddedBytes(pieceSizeBytes: number): number {
  return (pieceSizeBytes / PADDED_QUAD_BYTES) * QUAD_BYTES;
}

/** The least padded size for so many bytes. */
export function pieceSizeOf(bytes: number): number {
  return nextPowerOfTwo(Math.max(1, Math.ceil(bytes / QUAD_BYTES))) * PADDED_QUAD_BYTES;
}

let ownHasher: SubtreeHasher | undefined;

/** In this thread, which it holds up: for small input. */
export function commpOf(bytes: Uint8Array): Commp {
  ownHasher ??= createSubtreeHasher();
  const tree = createTree();
  const isLarge = bytes.length > CHUNK_BYTES;
  let at = 0;
  do {
    tree.add(ownHasher.root(bytes.subarray(at, at + CHUNK_BYTES), isLarge ? CHUNK_QUADS : 1));
    at += CHUNK_BYTES;
  } while (at < bytes.length);
  return commpFrom(tree.root(), bytes.length, pieceSizeOf(bytes.length), 0);
}

/** Takes nodes out of the tree while it is built, a chunk at a time. */
export interface TreeTap {
  /** Nodes within that chunk, heights rising and at most one below its root. Asked once, when all its bytes have come. */
  wantedOf(chunk: number): readonly TreeNode[];
  /** In the order of the chunks. What comes for nodes beyond the bytes means nothing. */
  take(chunk: number, root: Uint8Array, nodes: Uint8Array): void;
}

/** Hashes on the pool's threads, some chunks at once. */
export function openCommp(pool: HashPool, tap?: TreeTap): CommpStream {
  const tree = createTree();
  const free: ArrayBuffer[] = [];
  /** Roots to come, in order. */
  const pending: Promise<void>[] = [];
  let chunk: Uint8Array<ArrayBuffer> | undefined;
  let filled = 0;
  let bytes = 0;
  let sent = 0;

  function send(quadsMin: number): void {
    const { buffer } = chunk ?? new Uint8Array(CHUNK_BYTES);
    const number = sent++;
    const hashed = pool.hash({ buffer, bytes: filled, quadsMin, wanted: tap?.wantedOf(number) ?? [] });
    const before = pending.at(-1) ?? Promise.resolve();
    const added = before.then(async () => {
      const reply = await hashed;
      free.push(reply.buffer);
      tap?.take(number, reply.root, reply.nodes);
      tree.add(reply.root);
    });
    // Whoever waits for it hears of the failure; nobody may be left to.
    added.catch(() => undefined);
    hashed.catch(() => undefined);
    pending.push(added);
    chunk = undefined;
    filled = 0;
  }

  return {
    async write(input) {
      bytes += input.length;
      for (let at = 0; at < input.length; ) {
        if (filled === CHUNK_BYTES) send(CHUNK_QUADS);
        chunk ??= new Uint8Array(free.pop() ?? new ArrayBuffer(CHUNK_BYTES));
        const part = input.subarray(at, at + CHUNK_BYTES - filled);
        chunk.set(part, filled);
        filled += part.length;
        at += part.length;
      }
      while (pending.length > pool.threads + 1) await pending.shift();
    },
    async finish(pieceSizeBytesMin = 0) {
      const isLarge = bytes > CHUNK_BYTES;
      if (filled > 0 || bytes === 0) send(isLarge ? CHUNK_QUADS : 1);
      await pending.at(-1);
      return commpFrom(tree.root(), bytes, pieceSizeOf(bytes), pieceSizeBytesMin);
    },
  };
}

/** The tree above chunks: of each height at most one subtree waits for its right neighbour. */
function createTree(): { add(root: Uint8Array): void; root(): Uint8Array } {
  const waiting: (Uint8Array | undefined)[] = [];
  return {
    add(root) {
      let node = root;
      let height = 0;
      for (; ; height++) {
        const left = waiting[height];
        if (left === undefined) break;
        node = parentOf(left, node);
        waiting[height] = undefined;
      }
      waiting[height] = node;
    },
    root() {
      let zeros = zeroRoot(CHUNK_QUADS);
      let node: Uint8Array | undefined;
      for (const [height, left] of waiting.entries()) {
        if (node !== undefined) node = left === undefined ? parentOf(node, zeros) : parentOf(left, node);
        else if (left !== undefined) node = height === waiting.length - 1 ? left : parentOf(left, zeros);
        zeros = parentOf(zeros, zeros);
      }
      return node ?? zeroRoot(1);
    },
  };
}

/** Of so many quads of zeros. */
function zeroRoot(quads: number): Uint8Array {
  let node: Uint8Array = new Uint8Array(NODE_BYTES);
  for (let nodes = 4 * quads; nodes > 1; nodes /= 2) node = parentOf(node, node);
  return node;
}

function commpFrom(root: Uint8Array, bytes: number, pieceSizeBytes: number, pieceSizeBytesMin: number): Commp {
  let node = root;
  let size = pieceSizeBytes;
  for (let zeros = zeroRoot(size / PADDED_QUAD_BYTES); size < pieceSizeBytesMin; size *= 2) {
    node = parentOf(node, zeros);
    zeros = parentOf(zeros, zeros);
  }
  return { pieceCid: pieceCidOf(node), pieceSizeBytes: size, bytes };
}

/** `fil-commitment-unsealed` and `sha2-256-trunc254-padded` of the multicodec table. */
const FIL_COMMITMENT_UNSEALED = 0xf101;
const SHA2_256_TRUNC254_PADDED = 0x1012;

export function pieceCidOf(root: Uint8Array): string {
  return CID.createV1(FIL_COMMITMENT_UNSEALED, createDigest(SHA2_256_TRUNC254_PADDED, root)).toString();
}
