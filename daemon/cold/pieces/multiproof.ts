import { NODE_BYTES, PADDED_QUAD_BYTES, parentOf, QUAD_BYTES } from './subtree.ts';

/**
 * Proofs that bytes lie at a place in a piece. The tree of a piece is looked at from *quads* upwards: 127 bytes, which fr32
 * spreads over four leaves of 32. A quad has height 0, the whole piece of `2^n` quads height `n`.
 */
export interface TreeNode {
  height: number;
  /** From the left, among the nodes of that height. */
  index: number;
}

/** Whole quads, from the first to behind the last. */
export interface QuadRange {
  from: number;
  to: number;
}

/** Of a padded piece. Throws a RangeError when it is no piece's size. */
export function heightOfPiece(pieceSizeBytes: number): number {
  const height = Math.log2(pieceSizeBytes / PADDED_QUAD_BYTES);
  if (!Number.isInteger(height) || height < 0 || height > 40) throw new RangeError(`no piece has ${pieceSizeBytes} bytes`);
  return height;
}

/** The quads in which these bytes of the piece, before padding, lie. */
export function quadsAround(offset: number, length: number): QuadRange {
  return { from: Math.floor(offset / QUAD_BYTES), to: Math.ceil((offset + length) / QUAD_BYTES) };
}

/**
 * The nodes beside the way from these quads up to a node of that height, which is all that is needed to compute it: from the
 * lowest height to the highest, at each the left one before the right one. There are at most two of each height.
 */
export function siblingsOf({ from, to }: QuadRange, height: number): TreeNode[] {
  const siblings: TreeNode[] = [];
  let [left, right] = [from, to];
  for (let at = 0; at < height; at++) {
    if (left % 2 === 1) siblings.push({ height: at, index: left - 1 });
    if (right % 2 === 1) siblings.push({ height: at, index: right });
    left = Math.floor(left / 2);
    right = Math.ceil(right / 2);
  }
  return siblings;
}

/**
 * The root of the tree in which these are the quads from `from` on, and those the nodes of {@link siblingsOf}. Undefined when
 * there are more or fewer of them, or the quads do not fit in.
 */
export function rootAbove(
  quads: readonly Uint8Array[],
  from: number,
  height: number,
  siblings: readonly Uint8Array[],
): Uint8Array | undefined {
  const range = { from, to: from + quads.length };
  if (quads.length === 0 || range.to > 2 ** height) return undefined;
  const places = siblingsOf(range, height);
  if (places.length !== siblings.length) return undefined;
  let next = 0;
  let first = from;
  let level = quads.map(quadNode);
  for (let at = 0; at < height; at++) {
    const whole = [...level];
    if (first % 2 === 1) whole.unshift(siblings[next++] ?? level[0] ?? new Uint8Array());
    if ((first + level.length) % 2 === 1) whole.push(siblings[next++] ?? new Uint8Array());
    level = pairs(whole);
    first = Math.floor(first / 2);
  }
  return level[0];
}

function pairs(nodes: readonly Uint8Array[]): Uint8Array[] {
  return Array.from({ length: nodes.length / 2 }, (_, i) =>
    parentOf(nodes[2 * i] ?? new Uint8Array(), nodes[2 * i + 1] ?? new Uint8Array()),
  );
}

/** The node above the four leaves of 127 bytes. */
function quadNode(bytes: Uint8Array): Uint8Array {
  const padded = padQuad(bytes);
  const leaf = (k: number): Uint8Array => padded.subarray(NODE_BYTES * k, NODE_BYTES * (k + 1));
  return parentOf(parentOf(leaf(0), leaf(1)), parentOf(leaf(2), leaf(3)));
}

/** fr32: the bits of 127 bytes, the lowest of each byte first, in four groups of 254, each followed by two that are zero. */
function padQuad(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== QUAD_BYTES) throw new RangeError(`a quad has ${QUAD_BYTES} bytes, not ${bytes.length}`);
  const padded = new Uint8Array(PADDED_QUAD_BYTES);
  for (let k = 0; k < 4; k++) {
    for (let i = 0; i < NODE_BYTES; i++) {
      const at = NODE_BYTES * k + i;
      // Leaf k begins 2k bits before its byte.
      const low = bytes[at] ?? 0;
      const before = k === 0 ? 0 : (bytes[at - 1] ?? 0);
      padded[at] = ((low << (2 * k)) | (before >>> (8 - 2 * k))) & 0xff;
    }
    const last = NODE_BYTES * (k + 1) - 1;
    padded[last] = (padded[last] ?? 0) & 0x3f;
  }
  return padded;
}

const zeros: Uint8Array[] = [];

/** The node of that height above nothing but zeros. */
export function zeroNode(height: number): Uint8Array {
  for (let at = zeros.length; at <= height; at++) {
    const below = zeros[at - 1];
    zeros.push(below === undefined ? quadNode(new Uint8Array(QUAD_BYTES)) : parentOf(below, below));
  }
  return zeros[height] ?? new Uint8Array(NODE_BYTES);
}
