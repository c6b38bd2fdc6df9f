import { CID } from 'multiformats/cid';

import { createCidSet } from '../cold/pieces/cid-set.ts';
import { linksOf } from '../cold/pieces/links.ts';

/** Which blocks of a DAG are still missing, as they come in from its root downwards. */
export interface DagTracker {
  /** Linked from what has come, and not here yet. */
  isMissing(cid: CID): boolean;
  /** Linked from what has come, here or not. */
  isKnown(cid: CID): boolean;
  /**
   * A block has come: its links are known now. False when it was not missing.
   *
   * @throws LinksError when it says to be what it is not.
   */
  take(cid: CID, block: Uint8Array): boolean;
  isComplete(): boolean;
  /** Those that are missing now, in no order. */
  missing(): CID[];
  taken(): { blocks: number; bytes: number };
}

const IDENTITY = 0x00;
/** An identity CID lies in the block that links to it and may hold links itself, but not without end. */
const IDENTITY_DEPTH_MAX = 32;

/**
 * Blocks are told apart by codec and multihash, as a tier that has one under CIDv0 has it under CIDv1 too. Memory: 16 bytes
 * for each block known, and some 100 for each missing one.
 */
export function createDagTracker(root: CID): DagTracker {
  const known = createCidSet();
  const missing = new Map<string, CID>();
  let blocks = 0;
  let bytes = 0;

  function expect(cid: CID, depth = 0): void {
    if (cid.multihash.code === IDENTITY) {
      if (depth < IDENTITY_DEPTH_MAX) for (const link of linksOf(cid.code, cid.multihash.digest)) expect(CID.decode(link), depth + 1);
      return;
    }
    const v1 = cid.toV1();
    if (known.add(v1.bytes)) missing.set(keyOf(v1), cid);
  }

  expect(root);
  return {
    isMissing: (cid) => missing.has(keyOf(cid.toV1())),
    isKnown: (cid) => known.has(cid.toV1().bytes),
    take(cid, block) {
      if (!missing.delete(keyOf(cid.toV1()))) return false;
      blocks += 1;
      bytes += block.length;
      for (const link of linksOf(cid.code, block)) expect(CID.decode(link));
      return true;
    },
    isComplete: () => missing.size === 0,
    missing: () => [...missing.values()],
    taken: () => ({ blocks, bytes }),
  };
}

function keyOf({ bytes }: CID): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
