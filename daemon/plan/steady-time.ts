/** More than this between two looks at the clock was not lived through: it was set, or the daemon or the box stood still. */
const MAX_STEP_MS = 3_600_000;

/**
 * Time that passed while somebody looked, from 0: it never goes back, and never leaps. What is decided by how long ago
 * something was must not be decided by a clock that somebody sets.
 */
export class SteadyTime {
  /** Up to the last look. */
  passedMs: number;
  #seenMs: number | undefined;

  constructor(passedMs = 0) {
    this.passedMs = passedMs;
  }

  at(nowMs: number): number {
    const stepMs = nowMs - (this.#seenMs ?? nowMs);
    if (stepMs > 0) this.passedMs += Math.min(stepMs, MAX_STEP_MS);
    this.#seenMs = nowMs;
    return this.passedMs;
  }
}
