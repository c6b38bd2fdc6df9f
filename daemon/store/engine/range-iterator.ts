/** The part of LevelDB's iterators that is used here. */
export interface BatchSource<Row> {
  nextv(size: number): Promise<Row[]>;
  close(): Promise<void>;
}

/** Rows asked for at once: few at first, as most ranges are short or left early. */
const FIRST_BATCH_ROWS = 128;
const BATCH_ROWS = 2000;
/** LevelDB's own default would end a batch after 16 KiB. */
export const BATCH_SIZE_BYTES = 1 << 20;

/**
 * Batches of rows, until there are no more. From the second batch on the next one is already being read while the caller
 * works on this one; the source is closed when the iteration ends in whatever way.
 */
export async function* batchesOf<Row>(source: BatchSource<Row>): AsyncGenerator<Row[], void, void> {
  try {
    const first = await source.nextv(FIRST_BATCH_ROWS);
    if (first.length > 0) yield first;
    let batch = first.length > 0 ? await source.nextv(BATCH_ROWS) : [];
    while (batch.length > 0) {
      const next = source.nextv(BATCH_ROWS);
      // If the caller leaves now nobody awaits it.
      next.catch(() => undefined);
      yield batch;
      batch = await next;
    }
  } finally {
    await source.close();
  }
}

/**
 * The rows of batches one by one. An async generator would do the same, but takes three times as long a row, which
 * counts when a million are read. `next` must not be called again before the last call has settled.
 */
export class RowIterator<Row> implements AsyncIterableIterator<Row, void, void> {
  readonly #batches: AsyncIterator<Row[], void, void>;
  #batch: readonly Row[] = [];
  #position = 0;

  constructor(batches: AsyncIterator<Row[], void, void>) {
    this.#batches = batches;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Row, void>> {
    const position = this.#position;
    if (position < this.#batch.length) {
      this.#position = position + 1;
      return Promise.resolve({ done: false, value: this.#batch[position] as Row });
    }
    return this.#nextBatch();
  }

  async return(): Promise<IteratorResult<Row, void>> {
    this.#batch = [];
    await this.#batches.return?.();
    return { done: true, value: undefined };
  }

  async #nextBatch(): Promise<IteratorResult<Row, void>> {
    const { done, value } = await this.#batches.next();
    if (done) return { done: true, value: undefined };
    this.#batch = value;
    this.#position = 0;
    return this.next();
  }
}
