import { type CachePolicy, type CacheRoom, type Entry, LinkedQueue, newEntry } from './policy.ts';

/** Zhang et al., NSDI '24: one queue, one bit an entry, and a hand that goes from old to new and never moves what it spares. */
export class Sieve implements CachePolicy {
  readonly #capacity: number;
  readonly #entries = new Map<number, Entry>();
  readonly #queue = new LinkedQueue();
  #hand: Entry | undefined;

  constructor({ capacity }: CacheRoom) {
    this.#capacity = capacity;
  }

  read(key: number, size: number): boolean {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      entry.mark = 1;
      return true;
    }
    if (size > this.#capacity) return false;
    while (this.#queue.bytes + size > this.#capacity) this.#evict();
    const added = newEntry(key, size);
    this.#entries.set(key, added);
    this.#queue.push(added);
    return false;
  }

  #evict(): void {
    let entry = this.#hand ?? this.#queue.oldest;
    while (entry !== undefined && entry.mark === 1) {
      entry.mark = 0;
      entry = entry.newer ?? this.#queue.oldest;
    }
    if (entry === undefined) return;
    this.#hand = entry.newer;
    this.#queue.remove(entry);
    this.#entries.delete(entry.key);
  }
}
