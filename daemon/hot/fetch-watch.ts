import type { FetchLimits, FetchProgress } from '../domain/content.ts';
import { HotError } from '../domain/ports.ts';
import { formatSize } from '../domain/units.ts';

/** Quiet that is answered with a new walk. It doubles with each, until so many blocks have come without one. */
const NUDGE_FIRST_MS = 1_000;
const NUDGE_FORGOTTEN_AFTER_BLOCKS = 64;
/** What a new walk costs: it reads again all that is here. Guessed high, so that it never takes most of the time. */
const REWALK_MS_PER_BLOCK = 0.1;
const REWALK_MS_PER_BYTE = 1_000 / 200e6;

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
 * How long a walk may be quiet before a new one is begun: longer each time and longer the more there is to walk again,
 * so that a slow peer is not answered with walks without end, but once at least before it is a stall.
 */
export function patienceMs(state: { nudgeMs: number; blocks: number; bytes: number; quietMs: number; stallMs: number }): number {
  const rewalkMs = state.blocks * REWALK_MS_PER_BLOCK + state.bytes * REWALK_MS_PER_BYTE;
  const leftMs = state.stallMs - state.quietMs;
  const firstMs = state.quietMs === 0 ? leftMs / 2 : leftMs;
  return Math.min(Math.max(state.nudgeMs, 2 * rewalkMs), firstMs);
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
  let blocksAtNudge = 0;
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
    blocksAtNudge = blocks;
    walk.abort();
  }

  function newBlock(): void {
    quietMs = 0;
    if (blocks - blocksAtNudge >= NUDGE_FORGOTTEN_AFTER_BLOCKS) nudgeMs = NUDGE_FIRST_MS;
    armQuietTimer();
  }

  /** The same wait again is a cheap refresh; it changes seldom. */
  function armQuietTimer(): void {
    const nextMs = patienceMs({ nudgeMs, blocks, bytes, quietMs, stallMs: limits.stallMs });
    if (quietTimer !== undefined && nextMs < waitMs * 1.1 && nextMs > waitMs * 0.9) {
      quietTimer.refresh();
      return;
    }
    clearTimeout(quietTimer);
    waitMs = nextMs;
    quietTimer = setTimeout(wentQuiet, waitMs);
  }

  return {
    signal: controller.signal,
    fired: () => failure,
    beginWalk() {
      walk = new AbortController();
      armQuietTimer();
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
