import { type Reading, type ReadMode, type ReadSource, type Retrieval, RetrievalError } from '../daemon/domain/retrieval-ports.ts';
import { noSource, unavailable } from './errors.ts';

const BUSY_RETRY_SECONDS = 10;
const DOWN_RETRY_SECONDS = 5;

/** A {@link Reading} that is begun when it turns out to be needed. */
export class Help {
  readonly #begin: () => Reading;
  readonly #sourceBefore: ReadSource;
  #reading: Reading | undefined;
  #error: Error | undefined;
  #hereSinceMs: number | undefined;
  #onFailed: (error: Error) => void = () => undefined;

  constructor(retrieval: Retrieval, contentKey: string, mode: ReadMode, sourceBefore: ReadSource) {
    this.#begin = () => retrieval.read(contentKey, mode);
    this.#sourceBefore = sourceBefore;
  }

  /** Idempotent. */
  begin(): void {
    if (this.#reading !== undefined) return;
    this.#reading = this.#begin();
    this.#reading.failed.catch((error: unknown) => {
      this.#error = retrievalRefusal(error);
      this.#onFailed(this.#error);
    });
    void this.#reading.here.then(() => {
      this.#hereSinceMs = performance.now();
    });
  }

  /** Something may still come of it, or has come so short a while ago that it may still be on its way through the tier. */
  mayStillBring(whileMs: number): boolean {
    if (this.#reading === undefined || this.#error !== undefined) return false;
    return this.#hereSinceMs === undefined || performance.now() - this.#hereSinceMs < whileMs;
  }

  /** Why nothing came of it, as the reader is told. */
  get error(): Error | undefined {
    return this.#error;
  }

  onFailed(listener: (error: Error) => void): void {
    this.#onFailed = listener;
  }

  source(): ReadSource {
    return this.#reading?.source() ?? this.#sourceBefore;
  }

  release(): void {
    this.#onFailed = () => undefined;
    this.#reading?.release();
  }
}

/** Why a content could not be had, as whoever reads it is told. */
export function retrievalRefusal(error: unknown): Error {
  if (!(error instanceof RetrievalError)) return error instanceof Error ? error : new Error(String(error));
  if (error.failure === 'none') return noSource(error.message);
  return unavailable(error.message, error.failure === 'busy' ? BUSY_RETRY_SECONDS : DOWN_RETRY_SECONDS);
}
