import type { ChainView } from './cold-ports.ts';
import type { Content } from './content.ts';
import type { Deal } from './deal.ts';
import type { EscrowBook, EscrowLine, EscrowStanding } from './escrow.ts';
import type { BuiltPiece, Piece } from './piece.ts';
import type { Reason } from './pin.ts';
import type { ColdPolicy } from './policy.ts';
import type { Versioned } from './ports.ts';
import type { Candidate, Provider, ScanMark } from './provider.ts';

/** A content on the list of those whose cold side is to be looked at: put there by the pin store, or by a change of the cold one. */
export interface DueContent {
  contentKey: string;
  /** Of the list's entry: it is only taken off when nothing was added since. */
  version: number;
  /** Undefined once nothing names it. */
  content: Content | undefined;
  pieces: readonly Versioned<Piece>[];
  waiting: WaitingContent | undefined;
}

/** A held content that no piece has yet. */
export interface WaitingContent {
  contentKey: string;
  policy: string;
  sizeBytes: number;
  sinceMs: number;
  /** Why no piece takes it, when that is not just a matter of time. */
  reason?: Reason;
  /** It came out too large for a piece, whatever its size says. */
  toCut?: true;
}

/** What was promised and paid on one day (`dayOfEpoch`), attoFIL. */
export interface BudgetDay {
  day: number;
  /** Commitments of deals whose fate is open, or that were made. */
  committedAtto: bigint;
}

/** Why nothing is spent until the operator says so. */
export interface Breaker {
  by: 'operator' | 'fbpd';
  code: 'frozen' | 'losses' | 'ledger' | 'store_older' | 'spend_log';
  text: string;
  atMs: number;
}

/** What the store knows of the chain it belongs to. */
export interface ChainMemory {
  network: string;
  genesisCid: string;
  /** The highest finalized epoch seen. */
  finalizedEpoch: number;
  wallet: string;
  /** Locked beyond our deals when the operator said that spending goes on. */
  acceptedLockedAtto?: bigint;
  /** Of the last while, the latest of each owner. */
  losses?: readonly { owner: string; epoch: number }[];
  /** What the policies wanted when all pieces were looked at last; the reconcilers' own words. */
  policies?: string;
  /** Money and providers there were for it when all that waited was looked at last; likewise. */
  means?: string;
  /** What samples have cost on a day so far. */
  sampled?: { day: number; bytes: number; atto: bigint };
}

export interface ColdTotals {
  deals: Readonly<Partial<Record<Deal['state'], number>>>;
  unknownDeals: number;
  pieces: Readonly<Partial<Record<Piece['state'], number>>>;
  /** Commitments of live deals, attoFIL. */
  committedAtto: bigint;
}

/** From one value to the next; `before` undefined makes it, `after` undefined removes it. */
export interface Change<T> {
  before: Versioned<T> | undefined;
  after: T | undefined;
}

/** All of it happens, in one synced commit, or nothing. */
export interface ColdChange {
  pieces?: readonly Change<Piece>[];
  deals?: readonly Change<Deal>[];
  providers?: readonly Change<Provider>[];
  candidates?: readonly Change<Candidate>[];
  scan?: Change<ScanMark>;
  day?: Change<BudgetDay>;
  /** Taken off the list. */
  looked?: readonly DueContent[];
  /** Contents put on it. */
  list?: readonly string[];
  wait?: readonly WaitingContent[];
  unwait?: readonly WaitingContent[];
  breaker?: Change<Breaker>;
  chain?: Change<ChainMemory>;
  escrow?: Change<EscrowBook>;
  /** That were not there before. */
  escrowLines?: readonly EscrowLine[];
}

/**
 * Pieces, deals, providers and money, and the lists derived from them. Deals that did not exist before are in the spend
 * log, fsynced, before their commit.
 */
export interface ColdStore {
  /** Rejects with `CONFLICT` when anything in `before` is no longer what it was; nothing was written then. */
  write(change: ColdChange): Promise<void>;

  dueContents(limit: number): Promise<DueContent[]>;
  /** Every content that waits for a piece of this policy, longest first. */
  waiting(policy: string): Promise<WaitingContent[]>;
  /** Pieces whose CAR is still to be built, oldest first. */
  sealedPieces(limit: number): Promise<Versioned<Piece>[]>;
  /** Of that queue, due at or before the epoch, soonest first. */
  duePieces(queue: 'create' | 'renew', epoch: number, limit: number): Promise<Versioned<Piece>[]>;
  /** Of that queue, due at or before the one epoch, and behind the other if there is one, soonest first. Their members are not read. */
  comingPieces(
    queue: 'create' | 'renew',
    span: { after?: number; until: number },
    limit: number,
  ): Promise<Versioned<Omit<Piece, 'members'>>[]>;
  /** Due at or before the epoch, soonest first. */
  dueDeals(epoch: number, limit: number): Promise<Versioned<Deal>[]>;

  piece(pieceId: string): Promise<Versioned<Piece> | undefined>;
  /** What the piece is, without its members, of which there may be a thousand; undefined while it is not built. */
  built(pieceId: string): Promise<BuiltPiece | undefined>;
  piecesOf(contentKey: string): Promise<Versioned<Piece>[]>;
  /** Of each content in turn, for lists: what it waits for, or its pieces (`copies.ts` says what they come to). */
  coldOf(contentKeys: readonly string[]): Promise<ColdOfContent[]>;
  deal(dealId: string): Promise<Versioned<Deal> | undefined>;
  /** Every deal of the piece, oldest first. */
  dealsOf(pieceId: string): Promise<Versioned<Deal>[]>;
  /** Every deal, in key order, from behind that id. For lists and checks. */
  deals(options?: { after?: string; limit?: number }): AsyncIterable<Versioned<Deal>>;
  /** Live deals with a provider. */
  liveDealsWith(providerId: string): Promise<Versioned<Deal>[]>;
  /** An `active` deal chosen by `chance` in [0, 1), evenly enough; undefined when there is none. */
  sampleActive(chance: number): Promise<Versioned<Deal> | undefined>;

  provider(providerId: string): Promise<Versioned<Provider> | undefined>;
  /** Those that are trusted, or were dealt with, or suspended. */
  providers(): Promise<Versioned<Provider>[]>;
  candidate(providerId: string): Promise<Versioned<Candidate> | undefined>;
  /** Found by scans, and bounded by them. */
  candidates(): Promise<Versioned<Candidate>[]>;
  scanMark(): Promise<Versioned<ScanMark> | undefined>;
  day(day: number): Promise<Versioned<BudgetDay> | undefined>;
  breaker(): Versioned<Breaker> | undefined;
  chain(): Versioned<ChainMemory> | undefined;
  /** Absent until there was one look at the escrow, and for makers that see to theirs themselves. */
  escrow(): Versioned<EscrowBook> | undefined;
  /** Newest first. */
  escrowLines(limit: number): Promise<EscrowLine[]>;
  totals(): ColdTotals;

  /** Called after every commit that makes something of that kind due. */
  onDue(listener: (what: 'contents' | 'create' | 'renew' | 'deals') => void): void;
}

export interface ColdOfContent {
  waiting?: WaitingContent;
  /** In the order in which it came into them. */
  pieces: readonly Pick<Piece, 'id' | 'policy' | 'state' | 'summary' | 'next' | 'repack' | 'part'>[];
}

// ---------------------------------------------------------------------------------------------------------------
// For the operator and the API

/** One thing that would be done next, or why a piece gets nothing. */
export interface PlannedStep {
  pieceId: string;
  /** Contents in it, and the first few of them. */
  contents: number;
  sampleKeys: readonly string[];
  step:
    | {
        kind: 'propose';
        provider: string;
        country?: string;
        owner: string;
        why: Reason;
        costAtto: bigint;
        startEpoch: number;
        endEpoch: number;
      }
    | { kind: 'build'; why: Reason }
    | { kind: 'wait'; why: Reason };
}

/** Pieces that have too few copies and wait. */
export interface Shortage {
  /** With fewer than `target`. */
  pieces: number;
  /** Of these, with fewer than `min`. */
  belowMin: number;
  /** Not all were counted. */
  isMore: boolean;
  /** What most of them wait for. */
  why: Reason;
}

/** Chain, money and spending as the reconcilers saw them last; nothing here is on disk but through the {@link ColdStore}. */
export interface ColdView {
  /** Why nothing is spent at present: the breaker, the node, the wallet; undefined when it may be. */
  held(): Reason | undefined;
  /** The last look at the chain, and when; undefined before the first one that succeeded. */
  lastView(): { view: ChainView; atMs: number } | undefined;
  /** The last market and wallet balance at finality. */
  funds(): { escrowAtto: bigint; lockedAtto: bigint; walletAtto: bigint; address: string } | undefined;
  /** Of the last pass over the escrow; undefined before it, and where the maker sees to it. */
  escrow(): EscrowStanding | undefined;
  budget(): Promise<{ perDayAtto: bigint; day: number; committedAtto: bigint }>;
  policies(): readonly ColdPolicy[];
  /** What would be done next and what it costs; does nothing. */
  preview(limit: number): Promise<{ steps: PlannedStep[]; costAtto: bigint; more: boolean }>;
  /** Undefined when no piece waits that has too few copies. */
  shortage(): Promise<Shortage | undefined>;
  freeze(text: string): Promise<Breaker>;
  /** Rejects with `NOT_FOUND` when nothing is frozen. */
  unfreeze(): Promise<void>;
  /** Rejects with `NOT_FOUND` when the chain has no such provider. */
  trust(providerId: string): Promise<Provider>;
  /** Rejects with `CONFLICT` when the config names it. */
  untrust(providerId: string): Promise<Provider>;
  suspend(providerId: string, text: string): Promise<Provider>;
  unsuspend(providerId: string): Promise<Provider>;
  /** Asks chain and provider now. */
  refresh(providerId: string, signal: AbortSignal): Promise<Provider>;
  /** Score in [0, 1] with what it is made of. */
  score(provider: Provider): { value: number; reasons: readonly string[] };
}
