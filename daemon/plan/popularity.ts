import { SlotHeap } from './slot-heap.ts';

/** A content that is let in must be worth this much more than what goes for it, in doublings: equal ones must not chase each other out. */
const ADMISSION_MARGIN = 0.1;

/**
 * One opinion about what is worth keeping: reads count half as much after `halfLife` turnovers, and divided by the root
 * of the size. (A turnover is as many reads as there are hot contents.) It plays its opinion through on a shadow of the
 * hot tier, which has the same room and holds names only, so that opinions can be compared by what they would have had.
 *
 * A worth is kept as the logarithm, to base 2, of what it would be had nothing lost worth since the beginning: all lose
 * at the same rate, so that their order changes by reads only and a heap can keep it.
 */
export class Popularity {
  readonly halfLife: number;
  readonly #worths: Float32Array;
  readonly #sizes: Float32Array;
  readonly #shadow: SlotHeap;
  #shadowBytes = 0;
  /** What reads it would have answered from the shadow were worth, older ones less. */
  score: number;

  /** `sizes` in bytes by slot, at least 1. */
  constructor(halfLife: number, sizes: Float32Array, score = 0) {
    this.score = score;
    this.halfLife = halfLife;
    this.#sizes = sizes;
    this.#worths = new Float32Array(sizes.length);
    this.#shadow = new SlotHeap(sizes.length, (a, b) => this.worth(a) < this.worth(b));
  }

  /** To compare one slot with another. */
  worth(slot: number): number {
    return this.#worths[slot] ?? 0;
  }

  wouldKeep(slot: number): boolean {
    return this.#shadow.has(slot);
  }

  /** The logarithm, to base 2, of the reads of it, each counting less the older it is; `turnover` is the time now. */
  logReads(slot: number, turnover: number): number {
    return this.worth(slot) + halfLog(this.#sizes[slot]) - turnover / this.halfLife;
  }

  /** As if it had been read 2 ** `logReads` times just now. It must not be in the shadow. */
  begin(slot: number, logReads: number, turnover: number): void {
    this.#worths[slot] = logReads + turnover / this.halfLife - halfLog(this.#sizes[slot]);
  }

  /** One more read of a slot that has begun. */
  read(slot: number, turnover: number): void {
    const now = turnover / this.halfLife - halfLog(this.#sizes[slot]);
    const before = this.worth(slot);
    this.#worths[slot] = Math.max(before, now) + Math.log2(1 + 2 ** -Math.abs(before - now));
    if (this.wouldKeep(slot)) this.#shadow.moved(slot);
  }

  /** Lets it into the shadow when it is worth more than what has to go for it. Calls `onGone` for each that goes. */
  admit(slot: number, roomBytes: number, onGone: (slot: number) => void): void {
    const sizeBytes = this.#sizes[slot] ?? 1;
    if (sizeBytes > roomBytes) return;
    const least = this.worth(slot) - ADMISSION_MARGIN;
    for (let top = this.#shadow.top(); top !== undefined && this.#shadowBytes + sizeBytes > roomBytes; top = this.#shadow.top()) {
      if (this.worth(top) >= least) return;
      this.forget(top);
      onGone(top);
    }
    this.#shadow.add(slot);
    this.#shadowBytes += sizeBytes;
  }

  /** The shadow has less room than it had. */
  shrink(roomBytes: number, onGone: (slot: number) => void): void {
    for (let top = this.#shadow.top(); top !== undefined && this.#shadowBytes > roomBytes; top = this.#shadow.top()) {
      this.forget(top);
      onGone(top);
    }
  }

  /** Takes it out of the shadow if it is there. */
  forget(slot: number): void {
    if (!this.wouldKeep(slot)) return;
    this.#shadow.remove(slot);
    this.#shadowBytes = this.#shadow.size === 0 ? 0 : this.#shadowBytes - (this.#sizes[slot] ?? 1);
  }

  /** Time is set back by so many turnovers for the first `slots` slots, so that a float has digits enough for every worth. */
  rebase(turnovers: number, slots: number): void {
    const less = turnovers / this.halfLife;
    for (let slot = 0; slot < slots; slot += 1) this.#worths[slot] = this.worth(slot) - less;
  }
}

/** The logarithm of the root. */
function halfLog(sizeBytes = 1): number {
  return Math.log2(sizeBytes) / 2;
}
