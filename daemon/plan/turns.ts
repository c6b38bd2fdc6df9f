/**
 * Whose turn it is: the accounts that may have something due, in the order in which they lined up, and those that have
 * nothing due before a time. An account joins at the end of the line, and again each time it was served.
 */
export class Turns {
  readonly #line = new Set<string>();
  readonly #resting = new Map<string, number>();
  /** No rest ends before this. */
  #restsEndMs = Number.POSITIVE_INFINITY;
  #seenMs = 0;

  /** Something of the account may be due. One that stands in the line keeps its place. */
  join(accountId: string): void {
    this.#resting.delete(accountId);
    this.#line.add(accountId);
  }

  /** Takes the account out of the line, to be looked at. What happens to it meanwhile makes it join again. */
  leave(accountId: string): void {
    this.#line.delete(accountId);
  }

  /** It has nothing due before then. Does nothing when it has joined again since it left. */
  rest(accountId: string, untilMs: number): void {
    if (this.#line.has(accountId)) return;
    this.#resting.set(accountId, untilMs);
    this.#restsEndMs = Math.min(this.#restsEndMs, untilMs);
  }

  /** The line as it is, those in front whose turn is next; valid until the next call of any method. */
  line(nowMs: number): Iterable<string> {
    // What was to rest until a time of a clock that has been set back since would rest for ever.
    const setBack = nowMs < this.#seenMs;
    this.#seenMs = nowMs;
    if (setBack || nowMs >= this.#restsEndMs) this.#endRests(setBack ? Number.POSITIVE_INFINITY : nowMs);
    return this.#line;
  }

  /** The soonest end of a rest, or a time before it. */
  nextMs(): number {
    return this.#restsEndMs;
  }

  #endRests(nowMs: number): void {
    this.#restsEndMs = Number.POSITIVE_INFINITY;
    for (const [accountId, untilMs] of this.#resting) {
      if (untilMs <= nowMs) this.join(accountId);
      else this.#restsEndMs = Math.min(this.#restsEndMs, untilMs);
    }
  }
}
