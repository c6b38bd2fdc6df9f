import type { BlockIndex, BlockIndexing } from '../domain/block-index-port.ts';
import type { Content, FetchProgress } from '../domain/content.ts';
import { type Clock, type FetchOutcome, HotError, type HotTier, type QueuedContent } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import type { RunningFetch } from '../plan/dispatch.ts';
import { type FetchEnd, fetchTimeoutMs, type RetryLimits } from '../plan/fetch-outcome.ts';

export interface FetchingLimits extends RetryLimits {
  dagBytes: number;
  dagBlocks: number;
  stallMs: number;
}

export interface FetchUnderWay extends RunningFetch {
  progress: FetchProgress;
  abort: AbortController;
}

/** Ends a fetch for a reason of our own; carried by the abort signal. */
export class Ended extends Error {
  readonly end: FetchEnd;
  constructor(end: FetchEnd) {
    super(end.message);
    this.end = end;
  }
}

/** Why a fetch ended without a copy. Throws what says nothing about that. */
export function endOf(error: unknown, signal: AbortSignal): FetchEnd {
  if (signal.aborted && signal.reason instanceof Ended) return signal.reason.end;
  if (error instanceof HotError) return { failure: error.failure, message: error.message };
  throw error;
}

/**
 * True when somebody else holds it already. A content that is `ours` by our record may have been pinned by them since,
 * if our own pin never came to be; then the pin does not carry our name.
 */
export async function isForeign(hot: HotTier, { key, owner }: Content, signal: AbortSignal): Promise<boolean> {
  if (hot.exclusive || !(await hot.isPinned(key, signal))) return false;
  return owner !== 'ours' || !(await hot.isPinned(key, signal, { byUs: true }));
}

export interface BringInParts {
  hot: HotTier;
  /** Takes down which blocks the content has. */
  index: Pick<BlockIndex, 'begin'>;
  clock: Clock;
  log: Log;
  limits: FetchingLimits;
  /** Lets what providers have of it come too, until the hold that it gives is released. Undefined when they have nothing. */
  assist?(contentKey: string): Promise<(() => void) | undefined>;
}

/** Brings the content into the hot tier, under the limits, and pins it there unless the pin is somebody else's. */
export async function bringIn(
  { hot, index, clock, log, limits, assist }: BringInParts,
  { content, origins }: QueuedContent,
  running: FetchUnderWay,
  foreign: boolean,
): Promise<FetchOutcome> {
  const { signal } = running.abort;
  // Dials run beside the search: a silent origin must not delay a copy that somebody else has.
  void hot.connect(origins, signal);
  const fetchLimits = {
    dagBytes: limits.dagBytes,
    dagBlocks: limits.dagBlocks,
    stallMs: limits.stallMs,
    timeoutMs: fetchTimeoutMs(content, clock.nowMs(), limits),
  };
  const onProgress = (progress: FetchProgress): void => {
    running.progress = progress;
    running.progressMs = clock.nowMs();
  };
  const indexing = index.begin(content.key);
  const unassisted = await assist?.(content.key);
  try {
    const facts = await hot.fetch(content.key, fetchLimits, onProgress, signal, { onBlock: (cid) => indexing.add(cid) });
    running.progress = facts;
    // Side by side: the last part of an index is written before the hot tier has pinned.
    await Promise.all([foreign ? undefined : pin(hot, content.key, signal), finish(indexing, content.key, log)]);
    return { kind: 'pinned', sizeBytes: facts.bytes, blocks: facts.blocks };
  } finally {
    unassisted?.();
    // What is written after the end was, would belong to nobody who could take it away.
    await indexing.stop();
  }
}

/** A content that is held is on the list of the index, so one that could not be written is made up for. */
async function finish(indexing: BlockIndexing, contentKey: string, log: Log): Promise<void> {
  try {
    await indexing.finish();
  } catch (error) {
    log.warn({ err: error, cid: contentKey }, 'which blocks a content has could not be taken down; it is done later');
  }
}

/** A pin whose answer was lost may stand: it is taken back before the failure is written. */
async function pin(hot: HotTier, contentKey: string, signal: AbortSignal): Promise<void> {
  try {
    await hot.pin(contentKey, signal);
  } catch (error) {
    await hot.unpin(contentKey, AbortSignal.timeout(10_000)).catch(() => undefined);
    throw error;
  }
}
