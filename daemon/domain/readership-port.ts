import type { Reason } from './pin.ts';
import type { KeptOutcome } from './retrieval-ports.ts';

/** What people read of what is hot, as far as eviction goes by it. Nothing here is on disk, and nothing fails. */
export interface Readership {
  /** A content is hot. False when nobody is known to have read it: then it goes before all that were read. */
  came(contentKey: string, sizeBytes: number): boolean;
  /** It is not hot any more. */
  left(contentKey: string): void;
  /** Nobody pins it any more. */
  gone(contentKey: string): void;
  /** Hot contents that were read, those that should go first in front. */
  victims(): Iterable<string>;
  /** For how long it was not read; undefined when that is not known. */
  idleMs(contentKey: string, nowMs: number): number | undefined;
  /** Undefined when nobody is known to have read it. `goesAfter` counts those of the `tracked` hot ones that go before it. */
  explain(contentKey: string, nowMs: number): { reads: number; lastReadMs: number; goesAfter: number; tracked: number } | undefined;
}

/** Why a content is where it is, for people. */
export interface TierView {
  why(contentKey: string): Promise<Reason | undefined>;
  reads(contentKey: string): { reads: number; lastReadMs: number } | undefined;
  /** Who was asked for it when it was not hot, and what came of it, oldest first. */
  retrievals(contentKey: string): Promise<readonly KeptOutcome[]>;
}
