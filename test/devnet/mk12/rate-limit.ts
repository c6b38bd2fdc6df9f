const WINDOW_MS = 1_000;

/** So many requests in a second, counted from its beginning, as Curio's router does for each client. */
export class RateLimit {
  readonly #most: number;
  #window = -1;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** False for one too many. */
  take(nowMs: number): boolean {
    const window = Math.floor(nowMs / WINDOW_MS);
    this.#taken = window === this.#window ? this.#taken + 1 : 1;
    this.#window = window;
    return this.#taken <= this.#most;
  }
}
