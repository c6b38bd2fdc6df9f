import type { Meter, ReadSource } from '../daemon/domain/retrieval-ports.ts';
import type { Log } from '../daemon/log.ts';

/** A crash in the middle of a long reply loses the count of no more than this. */
const NOTE_EVERY_BYTES = 64 * 2 ** 20;

/** Hands what was served to the meter. A meter that fails is no reader's trouble: it is logged, and those bytes are not counted. */
export class Tallies {
  readonly #meter: Meter;
  readonly #log: Log;
  readonly #underWay = new Set<Promise<void>>();

  constructor(meter: Meter, log: Log) {
    this.#meter = meter;
    this.#log = log;
  }

  open(
    of: { accountId: string; contentKey: string },
    source: () => ReadSource,
    onBytes: (source: ReadSource, bytes: number) => void,
  ): Tally {
    return new Tally((bytes, responses) => {
      const from = source();
      onBytes(from, bytes);
      this.#note({ ...of, source: from, bytes, responses });
    });
  }

  /** Resolves when all that was noted so far is on disk, or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #note(served: Parameters<Meter['note']>[0]): void {
    const noted = this.#meter
      .note(served)
      .catch((error: unknown) => this.#log.error({ err: error, ...served }, 'what was served could not be counted'))
      .finally(() => this.#underWay.delete(noted));
    this.#underWay.add(noted);
  }
}

/** Counts one reply. */
export class Tally {
  readonly #note: (bytes: number, responses: number) => void;
  #bytes = 0;
  #isEnded = false;

  constructor(note: (bytes: number, responses: number) => void) {
    this.#note = note;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= NOTE_EVERY_BYTES) this.#flush(0);
  }

  /** Idempotent. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#flush(1);
  }

  #flush(responses: number): void {
    const bytes = this.#bytes;
    this.#bytes = 0;
    this.#note(bytes, responses);
  }
}
