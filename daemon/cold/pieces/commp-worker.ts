import { parentPort } from 'node:worker_threads';

import { createSubtreeHasher } from './subtree.ts';

export interface SubtreeRequest {
  buffer: ArrayBuffer;
  bytes: number;
  quadsMin: number;
}

/** The buffer comes back to be filled again. */
export interface SubtreeReply {
  root: Uint8Array;
  buffer: ArrayBuffer;
}

const hasher = createSubtreeHasher();

parentPort?.on('message', ({ buffer, bytes, quadsMin }: SubtreeRequest) => {
  const reply: SubtreeReply = { root: hasher.root(new Uint8Array(buffer, 0, bytes), quadsMin), buffer };
  parentPort?.postMessage(reply, [buffer]);
});
