import type { CachePolicy, CacheRoom } from './policy.ts';

/** What was read the fewest times since it came goes, of these what was not read for longest. Counts go with the entry. */
export class Lfu implements CachePolicy {
  readonly #capacity: number;
  readonly #entries = new Map<number, { size: number; reads: number }>();
  /** Keys by reads, each set in the order of last reads. */
  readonly #byReads = new Map<number, Set<number>>();
  #fewest = 1;
  #bytes = 0;

  constructor({ capacity }: CacheRoom) {
    this.#capacity = capacity;
  }

  read(key: number, size: number): boolean {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#take(key, entry.reads);
      entry.reads += 1;
      this.#put(key, entry.reads);
      return true;
    }
    if (size > this.#capacity) return false;
    while (this.#bytes + size > this.#capacity) this.#evict();
    this.#entries.set(key, { size, reads: 1 });
    this.#bytes += size;
    this.#put(key, 1);
    this.#fewest = 1;
    return false;
  }

  #evict(): void {
    while (!this.#byReads.has(this.#fewest)) this.#fewest += 1;
    for (const key of this.#byReads.get(this.#fewest) ?? []) {
      this.#take(key, this.#fewest);
      this.#bytes -= this.#entries.get(key)?.size ?? 0;
      this.#entries.delete(key);
      return;
    }
  }

  #put(key: number, reads: number): void {
    const keys = this.#byReads.get(reads);
    if (keys === undefined) this.#byReads.set(reads, new Set([key]));
    else keys.add(key);
  }

  #take(key: number, reads: number): void {
    const keys = this.#byReads.get(reads);
    keys?.delete(key);
    if (keys?.size === 0) this.#byReads.delete(reads);
  }
}
