import type { FetchLimits, FetchProgress } from '../domain/content.ts';
import { HotError } from '../domain/ports.ts';
import { formatSize } from '../domain/units.ts';

/** Quiet that is answered with a new walk; it doubles each time, until a block comes. */
const NUDGE_FIRST_MS = 1_000;

export interface WatchOptions {
  contentKey: string;
  limits: FetchLimits;
  onProgress: (progress: FetchProgress) => void;
  signal: AbortSignal;
}

/** Counts what a fetch brings in, and ends it by a signal when a limit is broken or nothing has come for too long. */
export interface FetchWatch {
  /** Ends the fetch. */
  signal: AbortSignal;
  /** Why it fired. */
  fired(): HotError | undefined;
  /** A signal for one walk of the DAG, which fires also when that walk has gone quiet. */
  beginWalk(): AbortSignal;
  /** Something came, known before or not. */
  alive(): void;
  /** A new block came. */
  counted(): void;
  /** A new block's size is known. */
  sized(bytes: number): void;
  progress(): FetchProgress;
  end(): void;
}

/**
 * Quiet is measured walk by walk and summed up until a new block comes: a walk that passes over what is here is
 * neither progress nor a stall.
 */
export function createFetchWatch({ contentKey, limits, onProgress, signal }: WatchOptions): FetchWatch {
  const controller = new AbortController();
  let failure: HotError | undefined;
  let walk = new AbortController();
  let blocks = 0;
  let bytes = 0;
  let quietMs = 0;
  let waitMs = 0;
  let nudgeMs = NUDGE_FIRST_MS;
  let quietTimer: NodeJS.Timeout | undefined;

  const soFar = () => `(${blocks} ${blocks === 1 ? 'block' : 'blocks'}, ${formatSize(bytes)} so far)`;
  function fail(error: HotError): void {
    failure ??= error;
    controller.abort(failure);
  }
  const aborted = () => fail(new HotError('aborted', `fetching ${contentKey} was stopped ${soFar()}`, { cause: signal.reason }));
  if (signal.aborted) aborted();
  signal.addEventListener('abort', aborted, { once: true });
  const timeout = setTimeout(
    () => fail(new HotError('timeout', `${contentKey} could not be fetched within ${seconds(limits.timeoutMs)} ${soFar()}`)),
    limits.timeoutMs,
  );

  function wentQuiet(): void {
    quietMs += waitMs;
    if (quietMs >= limits.stallMs) {
      fail(new HotError('stalled', `no peer has sent a block of ${contentKey} for ${seconds(limits.stallMs)} ${soFar()}`));
    }
    nudgeMs *= 2;
    walk.abort();
  }

  function newBlock(): void {
    quietMs = 0;
    nudgeMs = NUDGE_FIRST_MS;
    quietTimer?.refresh();
  }

  return {
    signal: controller.signal,
    fired: () => failure,
    beginWalk() {
      clearTimeout(quietTimer);
      waitMs = Math.min(nudgeMs, limits.stallMs - quietMs);
      quietTimer = setTimeout(wentQuiet, waitMs);
      walk = new AbortController();
      return AbortSignal.any([controller.signal, walk.signal]);
    },
    alive: () => void quietTimer?.refresh(),
    counted() {
      newBlock();
      blocks += 1;
      if (blocks <= limits.dagBlocks) return;
      fail(new HotError('too_many_blocks', `${contentKey} has more than the ${limits.dagBlocks} blocks allowed ${soFar()}`));
      controller.signal.throwIfAborted();
    },
    sized(more) {
      newBlock();
      bytes += more;
      if (bytes > limits.dagBytes) {
        fail(new HotError('too_many_bytes', `${contentKey} is larger than the ${formatSize(limits.dagBytes)} allowed ${soFar()}`));
        controller.signal.throwIfAborted();
      }
      onProgress({ blocks, bytes });
    },
    progress: () => ({ blocks, bytes }),
    end() {
      clearTimeout(quietTimer);
      clearTimeout(timeout);
      signal.removeEventListener('abort', aborted);
    },
  };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
