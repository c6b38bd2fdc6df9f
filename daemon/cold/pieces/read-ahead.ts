import { CID } from 'multiformats/cid';

import type { BlockSource } from '../../domain/cold-ports.ts';

/** Blocks asked for before their turn: each costs a round trip, and many fit into the time of one. */
export interface ReadAhead {
  /** What will be taken next, soonest first: begins to read what is not being read yet. */
  expect(cids: readonly Uint8Array[]): void;
  /** The block; rejects as the source does. */
  take(cid: Uint8Array): Promise<Uint8Array>;
}

/** How many blocks to look ahead. */
export const BLOCKS_AHEAD = 16;
/** Of blocks that have come before their turn; with more, those not among the next are let go and read again later. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

interface Reading {
  block: Promise<Uint8Array>;
  bytes: number;
}

export function createReadAhead(blocks: BlockSource, signal: AbortSignal): ReadAhead {
  const readings = new Map<string, Reading>();
  let heldBytes = 0;

  function begin(key: string, cid: Uint8Array): Reading {
    const reading: Reading = { block: blocks.block(CID.decode(cid).toString(), signal), bytes: 0 };
    readings.set(key, reading);
    reading.block.then(
      ({ length }) => {
        if (readings.get(key) !== reading) return;
        reading.bytes = length;
        heldBytes += length;
      },
      // Its turn will come, or not.
      () => undefined,
    );
    return reading;
  }

  function forget(key: string): void {
    heldBytes -= readings.get(key)?.bytes ?? 0;
    readings.delete(key);
  }

  return {
    expect(cids) {
      const next = new Map(cids.slice(0, BLOCKS_AHEAD).map((cid) => [keyOf(cid), cid]));
      if (heldBytes > HELD_BYTES_MAX) for (const key of [...readings.keys()]) if (!next.has(key)) forget(key);
      for (const [key, cid] of next) if (!readings.has(key)) begin(key, cid);
    },
    take(cid) {
      const key = keyOf(cid);
      const { block } = readings.get(key) ?? begin(key, cid);
      forget(key);
      return block;
    },
  };
}

function keyOf(cid: Uint8Array): string {
  return Buffer.from(cid.buffer, cid.byteOffset, cid.byteLength).toString('latin1');
}
