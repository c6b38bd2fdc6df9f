import { hash, randomBytes } from 'node:crypto';

import type { Store } from '../../domain/ports.ts';
import { keys } from './keys.ts';

/** 64 bits as two unsigned halves: numbers of this size stay cheap in typed arrays. */
export interface Hash64 {
  hi: number;
  lo: number;
}

const SECRET_BYTES = 32;
const BLOCK_CHARS = 16;

/** The hashes that indexes keep instead of CIDs and meta pairs. */
export interface KeyedHash {
  content(contentKey: string): Hash64;
  metaPair(key: string, value: string): Hash64;
  /**
   * Of a block's multihash: 96 bits in 16 characters of base64url. That two blocks share one is as good as impossible also for
   * who pins blocks for years until one is like a block of somebody else's: ten billion of them against ten billion make a
   * chance of one in a billion. At 64 bits some such pair would be expected.
   */
  block(multihash: Uint8Array): string;
}

/** The hashes of a store, whose secret is made once and lies in it. */
export async function openKeyedHash(store: Store): Promise<KeyedHash> {
  const stored = await store.get<Uint8Array>(keys.rosterSecret);
  if (stored !== undefined) return createKeyedHash(stored.value);
  const secret = randomBytes(SECRET_BYTES);
  await store.commit({ expect: { [keys.rosterSecret]: null }, ops: [{ put: keys.rosterSecret, value: secret }] });
  return createKeyedHash(secret);
}

/**
 * Hashes that nobody outside can make collide, since the secret is the store's own: a crafted CID can't pose as
 * another account's filter hit. They never leave the process but into the store.
 */
export function createKeyedHash(secret: Uint8Array): KeyedHash {
  const prefix = Buffer.from(secret).toString('hex');
  const hash64 = (text: string): Hash64 => {
    const digest = hash('sha256', prefix + text, 'buffer');
    return { hi: digest.readUInt32LE(0), lo: digest.readUInt32LE(4) };
  };
  return {
    content: (contentKey) => hash64(`content ${contentKey}`),
    // JSON keeps key and value apart whatever characters they hold.
    metaPair: (key, value) => hash64(`meta ${JSON.stringify([key, value])}`),
    block: (multihash) => hash('sha256', `${prefix}block ${hexOf(multihash)}`, 'base64url').slice(0, BLOCK_CHARS),
  };
}

function hexOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex');
}

/** A hash table from hashes to small numbers, 10 bytes a slot: some hundred thousand entries stay small. */
export class Hash64Map {
  #hi = new Uint32Array(16);
  #lo = new Uint32Array(16);
  #values = new Uint8Array(16);
  #used = new Uint8Array(16);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(hi: number, lo: number): number | undefined {
    const slot = this.#slotOf(hi, lo);
    return this.#used[slot] === 1 ? this.#values[slot] : undefined;
  }

  /** @param value 0..255 */
  set(hi: number, lo: number, value: number): void {
    if ((this.#size + 1) * 2 > this.#used.length) this.#grow();
    const slot = this.#slotOf(hi, lo);
    if (this.#used[slot] === 0) this.#size += 1;
    this.#used[slot] = 1;
    this.#hi[slot] = hi;
    this.#lo[slot] = lo;
    this.#values[slot] = value;
  }

  /** The slot that holds the hash, or the free one where it belongs. The low half is random already. */
  #slotOf(hi: number, lo: number): number {
    const last = this.#used.length - 1;
    let slot = lo & last;
    while (this.#used[slot] === 1 && (this.#lo[slot] !== lo || this.#hi[slot] !== hi)) slot = (slot + 1) & last;
    return slot;
  }

  #grow(): void {
    const [hi, lo, values, used] = [this.#hi, this.#lo, this.#values, this.#used];
    const slots = used.length * 2;
    this.#hi = new Uint32Array(slots);
    this.#lo = new Uint32Array(slots);
    this.#values = new Uint8Array(slots);
    this.#used = new Uint8Array(slots);
    this.#size = 0;
    used.forEach((isUsed, slot) => {
      if (isUsed === 1) this.set(hi[slot] ?? 0, lo[slot] ?? 0, values[slot] ?? 0);
    });
  }
}
