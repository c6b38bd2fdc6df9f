/**
 * Decides whether a write is tried after the disk was found full. Every write that fails costs LevelDB's handle, so on a
 * disk that stays full writes are refused without being tried.
 */
export class FullDiskGate {
  /** So much must be free before a write is tried early: room for LevelDB's buffer, twice. */
  readonly #resumeFreeBytes: number;
  #trips = 0;
  #untilMs = 0;
  #freeBytesAtTrip = 0;

  constructor(resumeFreeBytes: number) {
    this.#resumeFreeBytes = resumeFreeBytes;
  }

  get tripped(): boolean {
    return this.#trips > 0;
  }

  /** A write has found the disk full. */
  trip(nowMs: number, freeBytes: number): void {
    this.#untilMs = nowMs + Math.min(FIRST_HOLD_MS * 2 ** this.#trips, LONGEST_HOLD_MS);
    this.#trips += 1;
    this.#freeBytesAtTrip = freeBytes;
  }

  /**
   * True when there is room where there was none, or, because a quota or a lack of inodes does not show in the free
   * bytes, when the hold is over.
   */
  admits(nowMs: number, freeBytes: number): boolean {
    if (!this.tripped || nowMs >= this.#untilMs) return true;
    return freeBytes >= this.#resumeFreeBytes && this.#freeBytesAtTrip < this.#resumeFreeBytes;
  }

  /** A write has got through. */
  reset(): void {
    this.#trips = 0;
  }
}

const FIRST_HOLD_MS = 250;
const LONGEST_HOLD_MS = 5000;
