import { crc32 } from 'node:zlib';

const BUCKETS = 4096;

/** What is in one set and not in the other. */
export interface Difference {
  expected: string[];
  found: string[];
}

/**
 * Compares two sets of keys that are told in any order and may be much too large to be kept: each bucket holds how many
 * more were expected than found, and what they hash to. Who wants names tells everything a second time, and only keys
 * of buckets that differ are kept then.
 */
export class EntryTally {
  readonly #counts = new Int32Array(BUCKETS);
  readonly #hashes = new Int32Array(BUCKETS);
  #kept: Map<string, number> | undefined;

  expect(key: string): void {
    this.#tell(key, 1);
  }

  find(key: string): void {
    this.#tell(key, -1);
  }

  get isEqual(): boolean {
    return this.#counts.every((count) => count === 0) && this.#hashes.every((hash) => hash === 0);
  }

  /** From now on keys of buckets that differ are kept. */
  keepNames(): void {
    this.#kept = new Map();
  }

  difference(): Difference {
    const kept = [...(this.#kept ?? [])];
    return {
      expected: kept.filter(([, balance]) => balance > 0).map(([key]) => key),
      found: kept.filter(([, balance]) => balance < 0).map(([key]) => key),
    };
  }

  #tell(key: string, sign: 1 | -1): void {
    const hash = crc32(key);
    const bucket = hash % BUCKETS;
    if (this.#kept === undefined) {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + sign;
      this.#hashes[bucket] = (this.#hashes[bucket] ?? 0) ^ hash;
    } else if (this.#counts[bucket] !== 0 || this.#hashes[bucket] !== 0) {
      const balance = (this.#kept.get(key) ?? 0) + sign;
      if (balance === 0) this.#kept.delete(key);
      else this.#kept.set(key, balance);
    }
  }
}
