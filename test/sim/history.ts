/** A value as it was at every epoch: what a chain must answer for any tip set, and forget when it is reorganised. */
export class History<T> {
  readonly #changes: { epoch: number; value: T }[] = [];

  constructor(first: T) {
    this.#changes.push({ epoch: Number.NEGATIVE_INFINITY, value: first });
  }

  /** The last change at or before the epoch. */
  at(epoch: number): T {
    for (let i = this.#changes.length - 1; i >= 0; i--) {
      const change = this.#changes[i];
      if (change !== undefined && change.epoch <= epoch) return change.value;
    }
    throw new Error('a history has a beginning');
  }

  latest(): T {
    return this.at(Number.POSITIVE_INFINITY);
  }

  /** Values it has had, the first included. */
  get length(): number {
    return this.#changes.length;
  }

  set(epoch: number, value: T): void {
    this.#changes.push({ epoch, value });
  }

  /** Forgets everything after the epoch. */
  cutAfter(epoch: number): void {
    while ((this.#changes.at(-1)?.epoch ?? 0) > epoch) this.#changes.pop();
  }
}
