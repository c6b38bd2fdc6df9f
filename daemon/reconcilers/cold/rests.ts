/** Things that failed and rest for a while; the next start tries at once, and so does a clock that was put back. */
export class Rests {
  readonly #rests = new Map<string, { fromMs: number; untilMs: number; failures: number }>();

  isResting(id: string, nowMs: number): boolean {
    const rest = this.#rests.get(id);
    return rest !== undefined && rest.fromMs <= nowMs && nowMs < rest.untilMs;
  }

  /** In a row. */
  failuresOf(id: string): number {
    return this.#rests.get(id)?.failures ?? 0;
  }

  rest(id: string, fromMs: number, untilMs: number): void {
    this.#rests.set(id, { fromMs, untilMs, failures: this.failuresOf(id) + 1 });
  }

  end(id: string): void {
    this.#rests.delete(id);
  }
}
