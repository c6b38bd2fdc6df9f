/** More would be wanted only where nothing was sampled for long, and chance will find them as well. */
const WANTED_MAX = 1_024;

/** Pieces whose bytes should be asked for before those of others, first come, first served. */
export class WantedSamples {
  readonly #wanted = new Set<string>();

  want(pieceId: string): void {
    if (this.#wanted.size < WANTED_MAX) this.#wanted.add(pieceId);
  }

  /** The next one, which is wanted no more. */
  take(): string | undefined {
    const [next] = this.#wanted;
    if (next !== undefined) this.#wanted.delete(next);
    return next;
  }
}
