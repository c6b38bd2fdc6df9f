import { hash } from 'node:crypto';

import type { RootPlace } from './car.ts';
import type { TreeTap } from './commp.ts';
import { heightOfPiece, quadsAround, siblingsOf, type TreeNode, zeroNode } from './multiproof.ts';
import { CHUNK_QUADS, NODE_BYTES, parentOf, QUAD_BYTES } from './subtree.ts';

/** Proof of one content's root block, but for the nodes of the tree, which several may share. */
export interface Place extends RootPlace {
  before: Uint8Array;
  after: Uint8Array;
}

export interface TreeNodes extends TreeNode {
  node: Uint8Array;
}

/** What proves the root blocks of a piece's contents. */
export interface PieceProof {
  places: readonly Place[];
  /** By height, then by index, each once. Those above nothing but zeros are left out. */
  nodes: readonly TreeNodes[];
}

/** Gathers proofs while a piece is built. Everything is told in the order of the CAR, a place before its bytes. */
export interface RootProver extends TreeTap {
  root(place: RootPlace): void;
  write(bytes: Uint8Array): void;
  finish(carSizeBytes: number, pieceSizeBytes: number): PieceProof;
}

/** At most 126 bytes lie before a section in its first quad, and behind it in its last. */
const EDGE_BYTES = QUAD_BYTES - 1;
const CHUNK_HEIGHT = Math.log2(CHUNK_QUADS);

export function createRootProver(): RootProver {
  const edges = createEdges();
  const places: Place[] = [];
  /** Wanted within chunks that are still to come. */
  const wanted = new Map<number, Map<string, TreeNode>>();
  const asked = new Map<number, readonly TreeNode[]>();
  const found: TreeNodes[] = [];
  const chunkRoots: Uint8Array[] = [];

  function want({ height, index }: TreeNode): void {
    const inChunk = CHUNK_QUADS / 2 ** height;
    const chunk = Math.floor(index / inChunk);
    const nodes = wanted.get(chunk) ?? new Map<string, TreeNode>();
    wanted.set(chunk, nodes.set(`${height}/${index}`, { height, index: index % inChunk }));
  }

  return {
    root(place) {
      const known: Place = { ...place, before: edges.before(place.offset), after: new Uint8Array() };
      places.push(known);
      edges.await(place, (after) => {
        known.after = after;
      });
      for (const node of siblingsOf(quadsAround(place.offset, place.length), CHUNK_HEIGHT)) want(node);
    },
    write: (bytes) => edges.write(bytes),
    wantedOf(chunk) {
      const nodes = [...(wanted.get(chunk)?.values() ?? [])].sort((a, b) => a.height - b.height || a.index - b.index);
      wanted.delete(chunk);
      if (nodes.length > 0) asked.set(chunk, nodes);
      return nodes;
    },
    take(chunk, root, nodes) {
      chunkRoots.push(root);
      for (const [i, { height, index }] of (asked.get(chunk) ?? []).entries())
        found.push({
          height,
          index: chunk * (CHUNK_QUADS / 2 ** height) + index,
          node: nodes.subarray(NODE_BYTES * i, NODE_BYTES * (i + 1)),
        });
      asked.delete(chunk);
    },
    finish(carSizeBytes, pieceSizeBytes) {
      edges.end();
      const height = heightOfPiece(pieceSizeBytes);
      const upper = upperNodes(chunkRoots, places, height);
      const hasData = (node: TreeNode): boolean => node.height < height && !isAboveZeros(node, carSizeBytes);
      const nodes = [...found, ...upper].filter(hasData).sort((a, b) => a.height - b.height || a.index - b.index);
      return { places, nodes };
    },
  };
}

/** Whether the CAR ends before the bytes that lie under the node. */
export function isAboveZeros({ height, index }: TreeNode, carSizeBytes: number): boolean {
  return index * 2 ** height * QUAD_BYTES >= carSizeBytes;
}

/** Of the tree above chunks, what is beside the way from any of the places. */
function upperNodes(chunkRoots: readonly Uint8Array[], places: readonly Place[], height: number): TreeNodes[] {
  const wanted = new Set(
    places
      .flatMap(({ offset, length }) => siblingsOf(quadsAround(offset, length), height))
      .filter((node) => node.height >= CHUNK_HEIGHT)
      .map((node) => `${node.height}/${node.index}`),
  );
  const found: TreeNodes[] = [];
  let level = chunkRoots;
  for (let at = CHUNK_HEIGHT; at < height; at++) {
    found.push(...level.map((node, index) => ({ height: at, index, node })).filter(({ index }) => wanted.has(`${at}/${index}`)));
    level = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) =>
      parentOf(level[2 * i] ?? zeroNode(at), level[2 * i + 1] ?? zeroNode(at)),
    );
  }
  return found;
}

interface Edges {
  write(bytes: Uint8Array): void;
  /** What lies before the next byte in its quad. */
  before(offset: number): Uint8Array;
  /** Tells what lies behind the section in its last quad, as soon as it has come. */
  await(section: { offset: number; length: number }, take: (after: Uint8Array) => void): void;
  /** Behind the CAR are zeros. */
  end(): void;
}

/** Remembers the last bytes that went by. */
function createEdges(): Edges {
  let at = 0;
  let tail: Uint8Array = new Uint8Array();
  let waiting: { from: number; bytes: Uint8Array; take: (after: Uint8Array) => void }[] = [];

  function isComplete({ from, bytes, take }: (typeof waiting)[number]): boolean {
    if (at < from + bytes.length) return false;
    take(bytes);
    return true;
  }

  return {
    write(bytes) {
      for (const { from, bytes: edge } of waiting) {
        const begin = Math.max(from, at);
        const end = Math.min(from + edge.length, at + bytes.length);
        if (begin < end) edge.set(bytes.subarray(begin - at, end - at), begin - from);
      }
      at += bytes.length;
      tail = bytes.length >= EDGE_BYTES ? Uint8Array.from(bytes.subarray(-EDGE_BYTES)) : Buffer.concat([tail, bytes]).subarray(-EDGE_BYTES);
      if (waiting.length > 0) waiting = waiting.filter((one) => !isComplete(one));
    },
    before: (offset) => Uint8Array.from(tail.subarray(tail.length - (offset % QUAD_BYTES))),
    await({ offset, length }, take) {
      const from = offset + length;
      waiting.push({ from, bytes: new Uint8Array((QUAD_BYTES - (from % QUAD_BYTES)) % QUAD_BYTES), take });
    },
    end() {
      for (const { bytes, take } of waiting) take(bytes);
      waiting = [];
    },
  };
}

/** A content's name in proof files, of one length whatever its CID. */
export function placeKey(contentKey: string): Buffer {
  return hash('sha256', contentKey, 'buffer').subarray(0, 16);
}
