import type { CID } from 'multiformats/cid';

/** Where an HTTP server listens. */
export type HttpTarget = { socketPath: string } | { url: URL };

/** Blocks into the hot tier, one by one. All rejections are HotErrors. */
export interface BlockIntake {
  /**
   * Puts a block in that was hashed before, unpinned: nothing but the caller's word keeps the garbage collection from it. Who
   * waits for this very CID in the tier is woken. An identity CID needs no block and is nothing to do.
   */
  put(cid: CID, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Blocks that somebody waits for in the tier now, under the CIDs that are waited for. */
  wanted(signal: AbortSignal): Promise<CID[]>;
  /** Whether this block, alone, is here; never looks elsewhere. */
  has(cid: CID, signal: AbortSignal): Promise<boolean>;
}

/** The DAG under one CID, as one source has it. Nothing that comes from it is believed: the reader hashes. */
export interface OpenedDag {
  /** Its CAR, as it comes, from the beginning each time it is asked for. Rejects with a ColdError. */
  car(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** One block of it, where the source can jump to it; undefined when it does not have that one. */
  block?(cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Ends what it holds open. Idempotent; never rejects. */
  close(): Promise<void>;
}

/** Somebody who may give a content and with whom there is no deal about it. */
export interface ThirdParty {
  /** A peer id, or a host. */
  name: string;
  /** As with a provider; free of charge, or it is refused. */
  open(signal: AbortSignal): Promise<OpenedDag>;
}

/** Others than the providers of deals. What they give is hashed like everything; they count as nobody's copy. */
export interface Elsewhere {
  /** Host of who names them. */
  readonly router: string;
  /** A few at most, and none of the providers `except`. Rejects with a ColdError. */
  find(rootCid: string, except: readonly string[], signal: AbortSignal): Promise<ThirdParty[]>;
}

// ---------------------------------------------------------------------------------------------------------------
// For readers

/** What a reader needs: all of the content, or only the blocks that it asks the tier for, as for the head of a file. */
export type ReadMode = 'whole' | 'blocks';

/** Where bytes came from that were given to a reader. */
export type ReadSource = 'hot' | 'network' | 'cold';

/** A reader's hold on a content that is not, or not surely, in the hot tier. */
export interface Reading {
  /** Where its blocks come from as far as that is known. */
  source(): ReadSource;
  /** Rejects, with a {@link RetrievalError}, when no source can give what is missing; never resolves. */
  failed: Promise<never>;
  /** Resolves when all of it is in the hot tier; never rejects. */
  here: Promise<void>;
  /** The reader is gone. Idempotent. */
  release(): void;
}

/** Why a content could not be had. The message is for people, and names no provider's secrets. */
export class RetrievalError extends Error {
  /** `none`: no source has it. `busy`: too many are being fetched. `down`: the hot tier or the daemon is going down. */
  readonly failure: 'none' | 'busy' | 'down';

  constructor(failure: RetrievalError['failure'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RetrievalError';
    this.failure = failure;
  }
}

/** Brings contents back that readers wait for. */
export interface Retrieval {
  /**
   * Sees to it that the blocks of a pinned content come into the hot tier, from wherever they are, while the reader waits for
   * them there. One fetch serves all readers of a content. Returns at once.
   */
  read(contentKey: string, mode: ReadMode): Reading;
  /** A reader has had bytes of a content, hot or cold: what is popular stays hot. */
  noteRead(contentKey: string): void;
}

/** How bringing back a content ended: all of it is here, nobody has it, or it could not be tried, or not to the end. */
export type Warmed = 'done' | 'nobody' | 'not_tried';

/** What was given to readers of one content on account of one account. */
export interface ServedBytes {
  accountId: string;
  contentKey: string;
  source: ReadSource;
  bytes: number;
  /** Responses that ended. */
  responses: number;
}

/** Counts what is served. */
export interface Meter {
  /** Resolves when it is on disk. What is noted is counted once, or, when the process dies before, not at all. */
  note(served: ServedBytes): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------
// What became of it

/** How asking one source ended. */
export type SourceResult =
  /** It gave what was missing. */
  | 'done'
  /** Another one was quicker, or nobody waits any more. */
  | 'superseded'
  | 'refused'
  | 'unreachable'
  /** Nothing new came for too long. */
  | 'stalled'
  /** Something that does not hash to what it says to be, or is no CAR. */
  | 'wrong_bytes'
  /** More bytes than there can be. */
  | 'endless'
  /** All that it has came, and blocks are missing. */
  | 'incomplete';

/** Kept with the content, and of deals with the deal. */
export interface SourceOutcome {
  /** The copy that was asked; absent where it was none of a deal's. */
  source?: { provider: string; dealId: string; pieceId: string };
  /** Peer id or host of a third party, or of the router that should have named some. With neither it was the IPFS network. */
  elsewhere?: string;
  result: SourceResult;
  /** For people. */
  text: string;
  /** That were missing and came from here. */
  bytes: number;
  firstByteMs?: number;
  tookMs: number;
}

export interface KeptOutcome extends SourceOutcome {
  atMs: number;
}

/** The last of them, by content, oldest first. */
export interface RetrievalLog {
  keep(contentKey: string, outcomes: readonly KeptOutcome[]): Promise<void>;
  of(contentKey: string): Promise<readonly KeptOutcome[]>;
  forget(contentKey: string): Promise<void>;
}
