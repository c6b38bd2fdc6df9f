import type { Reason } from './pin.ts';

/**
 * Where a content stands in the hot tier.
 * - `wanted`: some pin names it and it is queued or being fetched
 * - `pinned`: the whole DAG is held by the hot tier
 * - `cold`: it was held, and its hot copy was let go as the cold ones are proven; it is brought back when it is read
 * - `failed`: given up until a new pin or a retry asks again
 * - `releasing`: the hot tier's pin is still to be removed, as no pin names it any more, or it was blocked; pins that
 *   want it again meanwhile wait until that is over
 */
export type HotStatus = 'wanted' | 'pinned' | 'cold' | 'failed' | 'releasing';

/** Held hot, or proven cold: its pins are `pinned`. */
export function isHeld({ hot }: Pick<Content, 'hot'>): boolean {
  return hot === 'pinned' || hot === 'cold';
}

/**
 * Whose pin it is in the hot tier. `ours` is written, synced, *before* `pin/add` is called, so a crash never leaves
 * a pin that nobody knows to be ours. `foreign` was there before us: it counts as a copy and is never removed.
 */
export type HotPinOwner = 'none' | 'ours' | 'foreign';

/** One CID on this box. */
export interface Content {
  key: string;
  /** Pins that name it, whatever their status. The record goes when this is 0 and nothing is left to release. */
  pins: number;
  hot: HotStatus;
  owner: HotPinOwner;
  /** Bytes of all its distinct blocks; set once it was pinned. */
  sizeBytes?: number;
  blocks?: number;
  /** Fetches that ended without success since it was last wanted anew. */
  attempts: number;
  /** When it was last wanted anew: `limits.pin_timeout` counts from here. */
  wantedSinceMs: number;
  /** Not fetched before this time. */
  notBeforeMs: number;
  reason?: Reason;
}

/** What a fetch has brought in so far. */
export interface FetchProgress {
  blocks: number;
  bytes: number;
}

/** The limits of one fetch. */
export interface FetchLimits {
  dagBytes: number;
  dagBlocks: number;
  /** The whole fetch may take this long. */
  timeoutMs: number;
  /** No new block for this long ends it. */
  stallMs: number;
}
