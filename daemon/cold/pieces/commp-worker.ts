import { parentPort } from 'node:worker_threads';

import type { TreeNode } from './multiproof.ts';
import { createSubtreeHasher, NODE_BYTES } from './subtree.ts';

export interface SubtreeRequest {
  buffer: ArrayBuffer;
  bytes: number;
  quadsMin: number;
  /** Nodes that are wanted beside the root, heights rising; what comes for those beyond the bytes means nothing. */
  wanted: readonly TreeNode[];
}

/** The buffer comes back to be filled again. */
export interface SubtreeReply {
  root: Uint8Array;
  /** Those that were wanted, one behind the other. */
  nodes: Uint8Array;
  buffer: ArrayBuffer;
}

const hasher = createSubtreeHasher();

parentPort?.on('message', ({ buffer, bytes, quadsMin, wanted }: SubtreeRequest) => {
  const nodes = new Uint8Array(NODE_BYTES * wanted.length);
  let next = 0;
  const root = hasher.root(new Uint8Array(buffer, 0, bytes), quadsMin, (height, node) => {
    for (; wanted[next]?.height === height; next++) nodes.set(node(wanted[next]?.index ?? 0), NODE_BYTES * next);
  });
  const reply: SubtreeReply = { root, nodes, buffer };
  parentPort?.postMessage(reply, [buffer]);
});
