import { HotCache } from '../../../daemon/plan/cache.ts';
import type { CachePolicy, CacheRoom } from './policy.ts';

/** A hot tier that keeps what `HotCache` says, as the daemon has it, but that everything may go at once. */
export class Ours implements CachePolicy {
  readonly #cache: HotCache;
  readonly #capacity: number;
  readonly #lowBytes: number;
  /** Names and sizes, in the order in which they came. */
  readonly #hot = new Map<string, number>();
  #bytes = 0;
  #reads = 0;

  /** With `low` below 1 it makes more room than it needs, less often. */
  constructor({ capacity }: CacheRoom, { maxTracked, low = 1 }: { maxTracked: number; low?: number }) {
    this.#cache = new HotCache({ maxTracked });
    this.#capacity = capacity;
    this.#lowBytes = low * capacity;
  }

  read(key: number, size: number): boolean {
    if (size > this.#capacity) return false;
    const name = String(key);
    const hit = this.#hot.has(name);
    if (!hit) {
      this.#hot.set(name, size);
      this.#bytes += size;
    }
    this.#reads += 1;
    this.#cache.read(name, size, this.#reads);
    if (this.#bytes > this.#capacity) this.#makeRoom();
    return hit;
  }

  #makeRoom(): void {
    if (this.#hot.size > this.#cache.hotSize) this.#evictUntracked();
    for (const name of this.#cache.victims()) {
      if (this.#bytes <= this.#lowBytes) return;
      this.#evict(name);
      this.#cache.left(name);
    }
  }

  #evictUntracked(): void {
    for (const [name, size] of this.#hot) {
      if (this.#bytes <= this.#lowBytes) return;
      if (!this.#cache.came(name, size)) this.#evict(name);
    }
  }

  #evict(name: string): void {
    const size = this.#hot.get(name);
    if (size === undefined) throw new Error(`${name} is to go and is not hot`);
    this.#hot.delete(name);
    this.#bytes -= size;
  }
}
