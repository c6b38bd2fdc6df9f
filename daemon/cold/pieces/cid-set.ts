import { hash } from 'node:crypto';

/** CIDs that a walk has been at. */
export interface CidSet {
  /** False when it was there already. */
  add(cid: Uint8Array): boolean;
  has(cid: Uint8Array): boolean;
}

const SLOT_WORDS = 4;
const FIRST_SLOTS = 1024;

/**
 * A set of CIDs in 16 bytes each, times room to grow: a large piece of small blocks has tens of millions, for which a
 * `Set` of strings would take gigabytes and then refuse. Kept is the beginning of each CID's SHA-256, not of the CID:
 * an identity CID may say anything, and two that are made to look alike would cost a block of somebody else's.
 */
export function createCidSet(): CidSet {
  let slots = new Uint32Array(FIRST_SLOTS * SLOT_WORDS);
  let used = 0;

  /** Where the key is, or the empty slot where it belongs. All words zero means empty. */
  function find(table: Uint32Array, key: Uint32Array): { at: number; isThere: boolean } {
    const mask = table.length / SLOT_WORDS - 1;
    for (let slot = (key[0] ?? 0) & mask; ; slot = (slot + 1) & mask) {
      const at = slot * SLOT_WORDS;
      if ((table[at] ?? 0) === 0 && (table[at + 1] ?? 0) === 0) return { at, isThere: false };
      if (key.every((word, i) => table[at + i] === word)) return { at, isThere: true };
    }
  }

  function grow(): void {
    const larger = new Uint32Array(slots.length * 2);
    for (let at = 0; at < slots.length; at += SLOT_WORDS) {
      const key = slots.subarray(at, at + SLOT_WORDS);
      if (key[0] !== 0 || key[1] !== 0) larger.set(key, find(larger, key).at);
    }
    slots = larger;
  }

  return {
    add(cid) {
      if ((used + 1) * SLOT_WORDS > slots.length / 2) grow();
      const key = keyOf(cid);
      const { at, isThere } = find(slots, key);
      if (isThere) return false;
      slots.set(key, at);
      used += 1;
      return true;
    },
    has: (cid) => find(slots, keyOf(cid)).isThere,
  };
}

function keyOf(cid: Uint8Array): Uint32Array {
  const digest = hash('sha256', cid, 'buffer');
  const key = new Uint32Array(SLOT_WORDS);
  for (let i = 0; i < SLOT_WORDS; i++) key[i] = digest.readUInt32LE(4 * i);
  return key;
}
