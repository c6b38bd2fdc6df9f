import { parseCid } from '../../domain/cid.ts';
import { type BlockSource, PieceError } from '../../domain/cold-ports.ts';
import type { CutPart } from '../../domain/piece.ts';
import { sectionBytes } from './car-format.ts';
import { walkDepthFirst } from './depth-first.ts';
import { rawCidOf } from './links.ts';
import { LINK_OVERHEAD_BYTES } from './spine.ts';

export interface CutOptions {
  contentKey: string;
  blocks: BlockSource;
  /** The largest CAR of a part. */
  carBytesMax: number;
  signal: AbortSignal;
  /** A block and its CID. */
  sectionBytesMax: number;
  partsMax?: number;
}

/** Header, the top of the tree above the links, and its nodes as far as they are few. */
const BASE_BYTES = 4_096;
/** What a link's share of the nodes above it is at most, beside itself. */
const NODE_SHARE_BYTES = 1;
/** All parts are written down at once. */
const PARTS_MAX = 1_000;
/** Of a part, for blocks that other parts have as well: a DAG that is a chain would be nothing else. */
const WAY_SHARE_MAX = 0.5;

/**
 * Cuts a content into parts whose CARs fit: its blocks in their depth-first order, each once, the first part taking as many as fit,
 * the next going on there. A part has besides what lies on the way from the root to its first block. The same blocks make the
 * same parts. One part when all of it fits into one. Rejects with a PieceError, `too_large` when it cannot be cut.
 */
export async function cutContent(options: CutOptions): Promise<CutPart[]> {
  const { contentKey, blocks, carBytesMax, signal, sectionBytesMax, partsMax = PARTS_MAX } = options;
  const parts: CutPart[] = [];
  /** Of blocks on the way down to the next one. */
  const wayBytes: number[] = [];
  let wayBytesSum = 0;
  let count = 0;
  let from = 0;
  let sizeBytes = 0;
  let bytes = BASE_BYTES;
  const refuse = (why: string): never => {
    throw new PieceError('too_large', `${contentKey} cannot be cut into pieces: ${why}`, { contentKey });
  };
  const walk = walkDepthFirst({
    root: parseCid(contentKey).bytes,
    blocks,
    contentOf: () => contentKey,
    signal,
    onLeave: () => {
      wayBytesSum -= wayBytes.pop() ?? 0;
    },
  });
  for await (const { cid, block } of walk) {
    if (cid.length + block.length > sectionBytesMax)
      refuse(`a block of ${block.length} bytes is more than the ${sectionBytesMax} that providers take with its CID`);
    const own = boundOf(cid, block.length);
    if (bytes + own > carBytesMax) {
      if (count > from) parts.push({ from, to: count, sizeBytes });
      if (parts.length >= partsMax) refuse(`it would be more than ${partsMax} pieces`);
      from = count;
      sizeBytes = 0;
      bytes = BASE_BYTES + wayBytesSum;
      if (wayBytesSum > carBytesMax * WAY_SHARE_MAX) refuse('too much of a piece would be what leads to its blocks, so deep do they lie');
      if (bytes + own > carBytesMax) refuse(`a block of ${block.length} bytes is more than a piece takes`);
    }
    bytes += own;
    sizeBytes += sectionBytes(cid.length, block.length);
    count += 1;
    wayBytes.push(own);
    wayBytesSum += own;
  }
  return [...parts, { from, to: count, sizeBytes }];
}

/** A block lies in a part under its own CID or as raw, and may be linked from the top. */
function boundOf(cid: Uint8Array, blockBytes: number): number {
  const cidBytes = Math.max(cid.length, rawCidOf(cid).byteLength);
  return sectionBytes(cidBytes, blockBytes) + cidBytes + LINK_OVERHEAD_BYTES + NODE_SHARE_BYTES;
}
