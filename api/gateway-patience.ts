export interface PatienceOptions {
  /** Nothing may move for this long, as things are now. While it may for ever, silence does not count. */
  limitMs: () => number;
  /** From when nothing has moved for this long on, `onGrace` is called again and again. */
  graceMs: number;
  onGrace: () => void;
  onOver: () => void;
}

const LOOK_EVERY_MS_MAX = 500;
const LOOK_EVERY_MS_MIN = 10;

/**
 * Notices that nothing moves. It looks now and then instead of setting a timer for each of the many things that move, and
 * counts looks and not hours, so that a process that was stopped for a while gives nobody up on waking.
 */
export class Patience {
  readonly #options: PatienceOptions;
  readonly #everyMs: number;
  readonly #timer: NodeJS.Timeout;
  #moved = false;
  #silentMs = 0;

  constructor(options: PatienceOptions) {
    this.#options = options;
    this.#everyMs = Math.min(LOOK_EVERY_MS_MAX, Math.max(LOOK_EVERY_MS_MIN, Math.min(options.limitMs(), options.graceMs) / 4));
    this.#timer = setInterval(() => this.#look(), this.#everyMs);
  }

  /** Something has moved. Called for every chunk. */
  moved(): void {
    this.#moved = true;
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const counts = !this.#moved && this.#options.limitMs() !== Number.POSITIVE_INFINITY;
    this.#silentMs = counts ? this.#silentMs + this.#everyMs : 0;
    this.#moved = false;
    if (this.#silentMs >= this.#options.graceMs) this.#options.onGrace();
    if (this.#silentMs < this.#options.limitMs()) return;
    this.end();
    this.#options.onOver();
  }
}
