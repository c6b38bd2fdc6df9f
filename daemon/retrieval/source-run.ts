import type { CID } from 'multiformats/cid';

import { readCar } from '../cold/pieces/car-reader.ts';
import { isBlockOf } from '../domain/block-hash.ts';
import { ColdError, PieceError } from '../domain/cold-ports.ts';
import type { OpenedDag, SourceOutcome, SourceResult } from '../domain/retrieval-ports.ts';
import { formatSize } from '../domain/units.ts';
import type { DagTracker } from './dag-tracker.ts';
import type { AnySource } from './ports.ts';
import type { BlockSink } from './sink.ts';
import { serveWants, type WantsOptions } from './wants.ts';

export interface SourceRunOptions {
  source: AnySource;
  tracker: DagTracker;
  sink: BlockSink;
  /** Whether all of the DAG is wanted now, or only what readers wait for. */
  isWhole(): boolean;
  wants: Pick<WantsOptions, 'intake' | 'hasReaders'>;
  stallMs: number;
  nowMs(): number;
  signal: AbortSignal;
}

/** Why a source is given up. */
class GivenUp extends Error {
  readonly result: SourceResult;
  constructor(result: SourceResult, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.result = result;
  }
}

/** Blocks that are asked for by themselves at once: what lies side by side comes together. */
const MISSING_AT_ONCE = 16;
/** How often a source is asked whether all of the DAG is wanted by now. */
const LOOK_MS = 50;

/**
 * Asks one source for what is missing of a DAG, until nothing is, or it has no more to give. What readers wait for comes first,
 * where the source can jump to it; beside that the CAR is read from its beginning. Blocks that nobody asked for are passed over.
 * Never rejects but with the failures of the sink, which are the hot tier's.
 */
export async function runSource(options: SourceRunOptions): Promise<SourceOutcome> {
  const { source, nowMs, signal } = options;
  const beganMs = nowMs();
  const before = options.tracker.taken().bytes;
  const run = new Run(options);
  const end = (result: SourceResult, text: string): SourceOutcome => ({
    ...whoIs(source),
    result,
    text,
    bytes: options.tracker.taken().bytes - before,
    ...(run.firstByteMs === undefined ? {} : { firstByteMs: run.firstByteMs - beganMs }),
    tookMs: nowMs() - beganMs,
  });
  try {
    await run.toTheEnd();
    return end('done', 'it gave what was missing');
  } catch (error) {
    if (error instanceof GivenUp) return end(error.result, error.message);
    if (signal.aborted) return end('superseded', 'it was not needed any more');
    if (error instanceof PieceError) return end('wrong_bytes', error.message);
    if (error instanceof ColdError) return end(error.failure === 'refused' ? 'refused' : 'unreachable', error.message);
    throw error;
  }
}

function whoIs(source: AnySource): Pick<SourceOutcome, 'source' | 'elsewhere'> {
  if ('elsewhere' in source) return { elsewhere: source.elsewhere };
  const { provider, dealId, pieceId } = source;
  return { source: { provider, dealId, pieceId } };
}

class Run {
  readonly #options: SourceRunOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #givenUp: GivenUp | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wholeTimer: NodeJS.Timeout | undefined;
  firstByteMs: number | undefined;

  constructor(options: SourceRunOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
  }

  async toTheEnd(): Promise<void> {
    const { source } = this.#options;
    let dag: OpenedDag | undefined;
    try {
      this.#allow(source.firstByteMs);
      if ('wholeMs' in source) this.#wholeTimer = this.#giveUpAfter(source.wholeMs, 'it took too long');
      dag = await this.#unlessStopped(source.open(this.#signal), (late) => void late.close());
      await this.#read(dag);
    } catch (error) {
      throw this.#givenUp ?? error;
    } finally {
      clearTimeout(this.#timer);
      clearTimeout(this.#wholeTimer);
      this.#stop.abort();
      await dag?.close();
    }
  }

  /** Both ways at once; the first to fail ends it, and so does the last block. */
  async #read(dag: OpenedDag): Promise<void> {
    const { sink, tracker } = this.#options;
    const ways: Promise<void>[] = [this.#fill(dag)];
    if (dag.block !== undefined) ways.push(this.#serve(dag));
    try {
      await Promise.race(ways);
      await sink.settled();
      if (!tracker.isComplete()) throw new GivenUp('incomplete', 'blocks are missing from what it gave');
    } finally {
      this.#stop.abort();
      await Promise.allSettled(ways);
    }
  }

  /**
   * Resolves when all of it is here or the source has no more. Waits for as long as nobody wants all of it, if the source can give
   * what is wanted by itself.
   */
  async #fill(dag: OpenedDag): Promise<void> {
    const { tracker, isWhole } = this.#options;
    while (dag.block !== undefined && !isWhole()) {
      await this.#sleep(LOOK_MS);
      this.#allow(this.#options.stallMs);
      if (tracker.isComplete()) return;
    }
    // Blocks that come before the ones that link to them are passed over, so the CAR may have to be read again. Of a piece that
    // is read by ranges, blocks are missing that lie elsewhere in it: they are had by themselves.
    for (let before = -1; !tracker.isComplete() && tracker.taken().blocks > before; ) {
      before = tracker.taken().blocks;
      await this.#pass(dag);
      await this.#options.sink.settled();
      if (dag.block !== undefined) await this.#fetchMissing(dag);
    }
  }

  async #pass(dag: OpenedDag): Promise<void> {
    const { tracker, sink } = this.#options;
    const { blocks } = await readCar(this.#counted(dag.car(this.#signal)));
    for await (const { cid, bytes } of blocks) {
      if (tracker.isMissing(cid)) await sink.take(cid, bytes);
      if (tracker.isComplete()) return;
    }
  }

  /** What the CAR did not bring, some at once, level by level. */
  async #fetchMissing(dag: OpenedDag): Promise<void> {
    const { tracker, sink } = this.#options;
    for (let missing = tracker.missing(); missing.length > 0; missing = tracker.missing()) {
      let found = 0;
      for (let at = 0; at < missing.length; at += MISSING_AT_ONCE) {
        const some = missing.slice(at, at + MISSING_AT_ONCE);
        const came = await Promise.all(some.map((cid) => this.#fetchOne(dag, cid)));
        found += came.filter(Boolean).length;
      }
      await sink.settled();
      if (found === 0) return;
    }
  }

  /** What kubo waits for on behalf of readers. */
  async #serve(dag: OpenedDag): Promise<never> {
    const { wants } = this.#options;
    await serveWants({ ...wants, fetch: (cid) => this.#fetchOne(dag, cid), signal: this.#signal });
    throw this.#givenUp ?? new ColdError('aborted', 'stopped');
  }

  async #fetchOne(dag: OpenedDag, cid: CID): Promise<boolean> {
    const { tracker, sink, wants } = this.#options;
    const bytes = await this.#unlessStopped(dag.block?.(cid, this.#signal) ?? Promise.resolve(undefined));
    if (bytes === undefined) return false;
    this.#came();
    if (isBlockOf(cid, bytes) !== true) throw new GivenUp('wrong_bytes', `the block ${cid} does not hash to its CID`);
    if (tracker.isMissing(cid)) await sink.take(cid, bytes);
    else await wants.intake.put(cid, bytes, this.#signal);
    return true;
  }

  async *#counted(car: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    const { bytesMax } = this.#options.source;
    let bytes = 0;
    const parts = car[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#unlessStopped(parts.next());
        if (next.done === true) return;
        bytes += next.value.length;
        if (bytes > bytesMax) throw new GivenUp('endless', `it sent more than the ${formatSize(bytesMax)} that there can be`);
        this.#came();
        yield next.value;
      }
    } finally {
      // It is told to end, and not waited for.
      void Promise.resolve(parts.return?.()).catch(() => undefined);
    }
  }

  #came(): void {
    this.firstByteMs ??= this.#options.nowMs();
    this.#allow(this.#options.stallMs);
  }

  /** So much time for the next thing to come. */
  #allow(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = this.#giveUpAfter(ms, `nothing came for ${Math.round(ms / 1_000)} s`);
  }

  #giveUpAfter(ms: number, why: string): NodeJS.Timeout {
    // A timer of more than 2^31 ms fires at once.
    return setTimeout(
      () => {
        this.#givenUp ??= new GivenUp('stalled', why);
        this.#stop.abort();
      },
      Math.min(ms, 2 ** 31 - 1),
    );
  }

  async #sleep(ms: number): Promise<void> {
    await this.#unlessStopped(new Promise((resolve) => setTimeout(resolve, ms)));
  }

  /** A source may be slow to hear that it is to stop. What it gives too late is handed to `onLate`. */
  async #unlessStopped<T>(promise: Promise<T>, onLate?: (value: T) => void): Promise<T> {
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(this.#givenUp ?? new ColdError('aborted', 'stopped'));
    if (this.#signal.aborted) onAbort();
    this.#signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([promise, stopped]);
    } catch (error) {
      if (onLate !== undefined) promise.then(onLate, () => undefined);
      else promise.catch(() => undefined);
      throw error;
    } finally {
      stopped.catch(() => undefined);
      this.#signal.removeEventListener('abort', onAbort);
    }
  }
}
