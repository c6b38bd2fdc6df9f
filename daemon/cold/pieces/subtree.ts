import { createHash } from 'node:crypto';

import { createLanes, FREE_AT } from './sha256-lanes.ts';

export const NODE_BYTES = 32;
/** What fr32 takes in at a time, and what it makes of it. */
export const QUAD_BYTES = 127;
export const PADDED_QUAD_BYTES = 128;
/** Quads of one unit of work: about a megabyte, some ten milliseconds of one core. */
export const CHUNK_QUADS = 8192;
export const CHUNK_BYTES = CHUNK_QUADS * QUAD_BYTES;
/** Padding reads whole vectors. */
const SLACK_BYTES = 16;

/** Roots of subtrees over at most a chunk. */
export interface SubtreeHasher {
  /**
   * The root of the tree over the bytes, padded with zeros to the next power of two of quads, and to `quadsMin`.
   * At most {@link CHUNK_BYTES}. `onLevel` may look at the nodes of each height, from quads on, while they are there.
   */
  root(bytes: Uint8Array, quadsMin?: number, onLevel?: (height: number, node: (index: number) => Uint8Array) => void): Uint8Array;
}

export function createSubtreeHasher(): SubtreeHasher {
  const groupsAt = FREE_AT + CHUNK_BYTES + SLACK_BYTES - ((FREE_AT + CHUNK_BYTES) % SLACK_BYTES);
  const lanes = createLanes(groupsAt - FREE_AT + (CHUNK_QUADS + 1) * PADDED_QUAD_BYTES);
  const input = new Uint8Array(lanes.memory.buffer, FREE_AT, CHUNK_BYTES + SLACK_BYTES);
  const groups = new DataView(lanes.memory.buffer, groupsAt);

  return {
    root(bytes, quadsMin = 1, onLevel = () => undefined) {
      const quads = nextPowerOfTwo(Math.max(quadsMin, Math.ceil(bytes.length / QUAD_BYTES)));
      if (quads > CHUNK_QUADS) throw new RangeError(`${bytes.length} bytes are more than a chunk`);
      input.set(bytes);
      input.fill(0, bytes.length, quads * QUAD_BYTES + SLACK_BYTES);
      lanes.pad(FREE_AT, groupsAt, quads);
      // Two levels lie between leaves and quads.
      let height = -2;
      for (let left = quads; left > 1; left /= 2) {
        lanes.level(groupsAt, groupsAt, left / 2);
        if (++height >= 0) onLevel(height, (index) => nodeIn(groups, index));
      }
      // A group of four nodes, two nodes, one: the lanes that hold nothing of ours are hashed along and ignored.
      for (let last = 0; last < 2; last++) {
        lanes.level(groupsAt, groupsAt, 1);
        if (++height >= 0) onLevel(height, (index) => nodeIn(groups, index));
      }
      return nodeIn(groups, 0);
    },
  };
}

function nodeIn(groups: DataView, index: number): Uint8Array {
  const node = Buffer.alloc(NODE_BYTES);
  const at = PADDED_QUAD_BYTES * Math.floor(index / 4) + 4 * (index % 4);
  for (let word = 0; word < 8; word++) node.writeUInt32BE(groups.getUint32(at + 16 * word, true), 4 * word);
  return node;
}

export function nextPowerOfTwo(value: number): number {
  let power = 1;
  while (power < value) power *= 2;
  return power;
}

/** The node above two nodes. For the few that lie above chunks. */
export function parentOf(left: Uint8Array, right: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update(left).update(right).digest();
  hash[NODE_BYTES - 1] = (hash[NODE_BYTES - 1] ?? 0) & 0x3f;
  return hash;
}
