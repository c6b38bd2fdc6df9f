import type { CachePolicy, CacheRoom } from './policy.ts';

/** What was not read for longest goes. */
export class Lru implements CachePolicy {
  readonly #capacity: number;
  /** In the order of their last reads. */
  readonly #sizes = new Map<number, number>();
  #bytes = 0;

  constructor({ capacity }: CacheRoom) {
    this.#capacity = capacity;
  }

  read(key: number, size: number): boolean {
    const hit = this.#sizes.delete(key);
    if (!hit) {
      if (size > this.#capacity) return false;
      this.#bytes += size;
    }
    this.#sizes.set(key, size);
    for (const [oldest, oldestSize] of this.#sizes) {
      if (this.#bytes <= this.#capacity) break;
      this.#sizes.delete(oldest);
      this.#bytes -= oldestSize;
    }
    return hit;
  }
}
