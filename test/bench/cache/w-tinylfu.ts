import { FrequencySketch } from './frequency-sketch.ts';
import { type CachePolicy, type CacheRoom, type Entry, LinkedQueue, newEntry } from './policy.ts';

const WINDOW_SHARE = 0.01;
/** Of what is not the window. */
const PROTECTED_SHARE = 0.8;

const WINDOW = 0;
const PROBATION = 1;
const PROTECTED = 2;

/**
 * Einziger, Friedman, Manes, ACM ToS '17: a small LRU window, a segmented LRU behind it, and between them an admission
 * that compares how often the candidate and the victim were wanted lately. With sizes as its authors' library has it:
 * a candidate goes in when it beats each victim that has to make room for it.
 */
export class WTinyLfu implements CachePolicy {
  readonly #capacity: number;
  readonly #windowCapacity: number;
  readonly #protectedCapacity: number;
  readonly #entries = new Map<number, Entry>();
  readonly #window = new LinkedQueue();
  readonly #probation = new LinkedQueue();
  readonly #protected = new LinkedQueue();
  readonly #sketch: FrequencySketch;

  constructor({ capacity, entries }: CacheRoom) {
    this.#capacity = capacity;
    this.#windowCapacity = Math.max(1, WINDOW_SHARE * capacity);
    this.#protectedCapacity = PROTECTED_SHARE * (capacity - this.#windowCapacity);
    this.#sketch = new FrequencySketch(entries);
  }

  read(key: number, size: number): boolean {
    this.#sketch.add(key);
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#renew(entry);
      return true;
    }
    if (size > this.#capacity) return false;
    const added = newEntry(key, size);
    this.#entries.set(key, added);
    this.#window.push(added);
    while (this.#window.bytes > this.#windowCapacity && this.#window.oldest !== undefined) this.#admit(this.#window.oldest);
    return false;
  }

  #renew(entry: Entry): void {
    if (entry.mark === WINDOW) this.#window.renew(entry);
    else if (entry.mark === PROTECTED) this.#protected.renew(entry);
    else this.#protect(entry);
  }

  #protect(entry: Entry): void {
    this.#probation.remove(entry);
    entry.mark = PROTECTED;
    this.#protected.push(entry);
    for (let oldest = this.#protected.oldest; oldest !== undefined; oldest = this.#protected.oldest) {
      if (this.#protected.bytes <= this.#protectedCapacity) break;
      this.#protected.remove(oldest);
      oldest.mark = PROBATION;
      this.#probation.push(oldest);
    }
  }

  /** From the window to the probation part, or out. */
  #admit(candidate: Entry): void {
    this.#window.remove(candidate);
    const wanted = this.#sketch.estimate(candidate.key);
    while (this.#bytes() + candidate.size > this.#capacity) {
      const from = this.#probation.oldest === undefined ? this.#protected : this.#probation;
      const victim = from.oldest;
      if (victim !== undefined && wanted <= this.#sketch.estimate(victim.key)) {
        this.#entries.delete(candidate.key);
        return;
      }
      if (victim === undefined) break;
      from.remove(victim);
      this.#entries.delete(victim.key);
    }
    candidate.mark = PROBATION;
    this.#probation.push(candidate);
  }

  #bytes(): number {
    return this.#window.bytes + this.#probation.bytes + this.#protected.bytes;
  }
}
