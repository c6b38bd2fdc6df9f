import { type CachePolicy, type CacheRoom, type Entry, LinkedQueue, newEntry } from './policy.ts';

/** What the small queue may have of the room. */
const SMALL_SHARE = 0.1;
const MOST_READS = 3;

/** Yang et al., SOSP '23: a small queue that most leave soon, a main one with reinsertion, and a ghost of what left the small one. */
export class S3Fifo implements CachePolicy {
  readonly #capacity: number;
  /** In both queues; `mark` is the reads since it came, or was put in again, at most three. */
  readonly #entries = new Map<number, Entry>();
  readonly #small = new LinkedQueue();
  readonly #main = new LinkedQueue();
  /** Sizes of what left the small queue, oldest first; as many bytes of them as the main queue has room for. */
  readonly #ghosts = new Map<number, number>();
  #ghostBytes = 0;

  constructor({ capacity }: CacheRoom) {
    this.#capacity = capacity;
  }

  read(key: number, size: number): boolean {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      entry.mark = Math.min(entry.mark + 1, MOST_READS);
      return true;
    }
    if (size > this.#capacity) return false;
    while (this.#small.bytes + this.#main.bytes + size > this.#capacity) this.#evict();
    const added = newEntry(key, size);
    this.#entries.set(key, added);
    if (this.#forgetGhost(key)) this.#main.push(added);
    else this.#small.push(added);
    return false;
  }

  #evict(): void {
    if (this.#main.oldest === undefined || this.#small.bytes >= SMALL_SHARE * this.#capacity) this.#evictSmall();
    else this.#evictMain();
  }

  /** Until one has really gone, or the queue is empty. */
  #evictSmall(): void {
    for (let entry = this.#small.oldest; entry !== undefined; entry = this.#small.oldest) {
      this.#small.remove(entry);
      if (entry.mark <= 1) {
        this.#entries.delete(entry.key);
        this.#addGhost(entry);
        return;
      }
      entry.mark = 0;
      this.#main.push(entry);
    }
  }

  #evictMain(): void {
    for (let entry = this.#main.oldest; entry !== undefined; entry = this.#main.oldest) {
      if (entry.mark === 0) {
        this.#main.remove(entry);
        this.#entries.delete(entry.key);
        return;
      }
      entry.mark -= 1;
      this.#main.renew(entry);
    }
  }

  #addGhost({ key, size }: Entry): void {
    this.#ghosts.set(key, size);
    this.#ghostBytes += size;
    for (const oldest of this.#ghosts.keys()) {
      if (this.#ghostBytes <= (1 - SMALL_SHARE) * this.#capacity) break;
      this.#forgetGhost(oldest);
    }
  }

  #forgetGhost(key: number): boolean {
    this.#ghostBytes -= this.#ghosts.get(key) ?? 0;
    return this.#ghosts.delete(key);
  }
}
