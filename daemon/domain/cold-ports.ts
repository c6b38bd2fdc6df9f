import type { Content } from './content.ts';
import type { Deal, DealTerms } from './deal.ts';
import type { BuiltPiece, Piece, PieceMember, PieceSummary } from './piece.ts';
import type { Reason } from './pin.ts';
import type { ColdPolicy } from './policy.ts';
import type { Versioned } from './ports.ts';
import type { Ask, Provider, ProviderOnChain } from './provider.ts';

// ---------------------------------------------------------------------------------------------------------------
// The chain

/** One look at the chain. Everything decided within one pass is decided against one such look. */
export interface ChainView {
  network: string;
  genesisCid: string;
  headEpoch: number;
  /** The newest epoch that cannot be taken back, by `[chain] finality` or the node's own word. */
  finalizedEpoch: number;
  /** The tip set at, or next below, `finalizedEpoch`: CIDs of its blocks. What is read "at finality" is read there. */
  finalizedKey: readonly string[];
  /** Seconds by which the head's timestamp lies behind our clock, at least 0; undefined when the network's clock is not the wall's. */
  behindSeconds?: number;
}

/** A market deal as the chain has it. */
export interface MarketDeal {
  pieceCid: string;
  pieceSizeBytes: number;
  /** ID addresses. */
  client: string;
  provider: string;
  label: string;
  verified: boolean;
  startEpoch: number;
  endEpoch: number;
  pricePerEpochAtto: bigint;
  providerCollateralAtto: bigint;
  clientCollateralAtto: bigint;
  /** -1: not in a sector yet. */
  sectorStartEpoch: number;
  /** -1: never settled. */
  lastUpdatedEpoch: number;
  /** -1: not slashed. */
  slashEpoch: number;
}

export interface MarketBalance {
  escrowAtto: bigint;
  lockedAtto: bigint;
}

/** Why a call to the Lotus node or to a provider did not give an answer. */
export type ColdFailure =
  /** No connection, a time-out, a cut or garbled reply, one too large, 5xx: says nothing about the request. */
  | 'unreachable'
  /** 401, or "missing permission": the token is wrong or too weak. */
  | 'unauthorized'
  /** It answered with an error of its own. */
  | 'refused'
  /** Stopped by our own signal. */
  | 'aborted';

/** All rejections of {@link Chain} and {@link DealMaker}. After `unreachable` a request that changes something may have been done. */
export class ColdError extends Error {
  readonly failure: ColdFailure;

  constructor(failure: ColdFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ColdError';
    this.failure = failure;
  }
}

/** The Filecoin chain, read through a Lotus node. `at` is a tip set key, absent for the head. */
export interface Chain {
  view(signal: AbortSignal): Promise<ChainView>;
  /** Undefined when the chain has no such deal (yet, or any more) at that tip set. */
  marketDeal(chainDealId: number, at: readonly string[] | undefined, signal: AbortSignal): Promise<MarketDeal | undefined>;
  marketBalance(address: string, at: readonly string[] | undefined, signal: AbortSignal): Promise<MarketBalance>;
  /** attoFIL in the wallet itself. */
  walletBalance(address: string, signal: AbortSignal): Promise<bigint>;
  /** The address as ID address; undefined while the chain has never seen it. */
  idAddress(address: string, signal: AbortSignal): Promise<string | undefined>;
  provider(id: string, signal: AbortSignal): Promise<ProviderOnChain>;
  /**
   * Ids of the deals that a PublishStorageDeals message made, by index of their proposal in it; undefined while the
   * message is not on the chain. Follows replaced messages.
   */
  publishedDeals(publishCid: string, signal: AbortSignal): Promise<PublishedDeal[] | undefined>;
}

/** One deal that a publish message made. */
export interface PublishedDeal {
  chainDealId: number;
  pieceCid: string;
  /** As written in the message: any address form. */
  client: string;
  provider: string;
  startEpoch: number;
  endEpoch: number;
}

// ---------------------------------------------------------------------------------------------------------------
// Deals

/** What is to be made. */
export interface DealOrder {
  dealId: string;
  piece: BuiltPiece & { id: string };
  /** `f0…`. */
  provider: string;
  startEpoch: number;
  durationEpochs: number;
  pricePerEpochAtto: bigint;
  verified: boolean;
}

/** What will be sent, fixed to the last bit. */
export interface PreparedDeal {
  terms: DealTerms;
  /** Address that pays, as its key address: the deal's client. */
  wallet?: string;
  proposalCid: string;
  /** JSON; handed back to `send` as it is. */
  request: Readonly<Record<string, unknown>>;
}

/** The reply to a send. That no reply came is a rejection `unreachable`, and means: unknown. */
export type SendReply =
  /** It is on its way, now or from an earlier send of the same. `as`: under another proposal CID than was predicted. */
  | { kind: 'sent'; said: string; as?: string }
  /** In so many words: nothing was begun by *this* send. Frees the slot only when it answers the first one. */
  | { kind: 'refused'; why: RefusalKind; said: string };

/**
 * - `price`, `size`, `terms`: this offer does not suit it, another might
 * - `not_allowed`: an allow-list; it needs an introduction, and no score is lost
 * - `busy`: worth trying again later
 * - `funds`: our wallet's or escrow's fault, not the provider's
 * - `other`: none of these
 */
export type RefusalKind = 'price' | 'size' | 'terms' | 'not_allowed' | 'busy' | 'funds' | 'other';

/** What maker and provider say of a deal. Advisory: the chain decides. */
export type DealReport =
  /** The maker has no record of it. Proves nothing. */
  | { kind: 'absent' }
  | { kind: 'going'; state: 'proposed' | 'accepted' | 'published'; said: string; publishCid?: string; chainDealId?: number }
  /** It is refused or was given up and will certainly never be published. */
  | { kind: 'refused'; why: RefusalKind; said: string }
  /** It says that it failed, which does not exclude that it is, or will be, published. */
  | { kind: 'doubtful'; said: string; publishCid?: string; chainDealId?: number };

/**
 * Makes deals of one market. Every method may be called again after any failure; all rejections are
 * {@link ColdError}s. A maker keeps nothing that is not in its arguments or on the other side.
 */
export interface DealMaker {
  readonly name: string;
  /** Address that pays, as its key address. */
  wallet(signal: AbortSignal): Promise<string>;
  /** Whether deals can be made right now: token, wallet, reachability. Never rejects. Undefined: yes. */
  problem(signal: AbortSignal): Promise<Reason | undefined>;
  ask(providerId: string, signal: AbortSignal): Promise<Ask>;
  /** The terms of a deal to be, and its proposal CID, without asking the provider. Changes nothing anywhere that costs. */
  prepare(order: DealOrder, signal: AbortSignal): Promise<PreparedDeal>;
  /** Makes the piece's CAR known to the other side. Idempotent. `file` is the whole CAR. */
  stage(piece: BuiltPiece & { id: string }, file: string, signal: AbortSignal): Promise<void>;
  /** Undoes `stage`, once no transfer needs it. Idempotent. */
  unstage(piece: BuiltPiece & { id: string }, signal: AbortSignal): Promise<void>;
  send(prepared: Pick<Deal, 'request' | 'proposalCid'>, signal: AbortSignal): Promise<SendReply>;
  report(deal: Pick<Deal, 'request' | 'proposalCid' | 'begunAs' | 'publishCid' | 'chainDealId'>, signal: AbortSignal): Promise<DealReport>;
  /** The piece's CAR, from the provider of this deal, as it comes: the caller hashes it. */
  retrieve(deal: Deal, piece: BuiltPiece & { id: string }, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** FIL that `retrieve` would cost; undefined when the provider does not offer it. */
  retrievalPrice(deal: Deal, piece: BuiltPiece & { id: string }, signal: AbortSignal): Promise<bigint | undefined>;
}

// ---------------------------------------------------------------------------------------------------------------
// Pieces

/** Blocks of held contents. Every block handed out was hashed on its way into the tier. */
export interface BlockSource {
  /** Rejects with a HotError. */
  block(cid: string, signal: AbortSignal): Promise<Uint8Array>;
}

export type PieceFailure =
  /** A block of a member could not be read: the error names it. */
  | 'missing_block'
  /** It would be larger than the largest piece. */
  | 'too_large'
  /** The bytes are not those of the piece. */
  | 'mismatch'
  /** The disk is full, or the staging directory cannot be written. */
  | 'no_room'
  | 'aborted';

export class PieceError extends Error {
  readonly failure: PieceFailure;
  /** The member's content key, of `missing_block`. */
  readonly contentKey: string | undefined;

  constructor(failure: PieceFailure, message: string, options: { contentKey?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PieceError';
    this.failure = failure;
    this.contentKey = options.contentKey;
  }
}

/** CAR files of pieces, in the staging directory. All rejections are {@link PieceError}s. */
export interface PieceWorks {
  /**
   * Builds the CAR from hot blocks into the staging directory: CARv1, one root, depth-first pre-order, each CID once.
   * The same members in the same order give the same bytes. Replaces what an interrupted build left.
   */
  build(pieceId: string, members: readonly PieceMember[], signal: AbortSignal, onBytes?: (bytes: number) => void): Promise<BuiltPiece>;
  /** Path of the whole, checked CAR file; undefined when it is not there. */
  staged(pieceId: string): Promise<string | undefined>;
  /** Takes a CAR that came back, hashes it, and keeps it as the staged file only when it is the piece. */
  receive(piece: BuiltPiece & { id: string }, car: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<{ bytes: number }>;
  /** The same without keeping anything. */
  check(piece: BuiltPiece & { id: string }, car: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<{ bytes: number }>;
  drop(pieceId: string): Promise<void>;
  /** Ids of pieces that have a staged file, and ids that have an unfinished one. */
  list(): Promise<string[]>;
}

// ---------------------------------------------------------------------------------------------------------------
// The store's cold side

/** A content that the pin store has put on the list of those whose cold side is to be looked at. */
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
  day?: Change<BudgetDay>;
  /** Taken off the list. */
  looked?: readonly DueContent[];
  wait?: readonly WaitingContent[];
  unwait?: readonly WaitingContent[];
  breaker?: Change<Breaker>;
  chain?: Change<ChainMemory>;
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
  /** Due at or before the epoch, soonest first. */
  dueDeals(epoch: number, limit: number): Promise<Versioned<Deal>[]>;

  piece(pieceId: string): Promise<Versioned<Piece> | undefined>;
  piecesOf(contentKey: string): Promise<Versioned<Piece>[]>;
  /** Of each content in turn, for lists: what it waits for, or its pieces. */
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
  providers(): Promise<Versioned<Provider>[]>;
  day(day: number): Promise<Versioned<BudgetDay> | undefined>;
  breaker(): Versioned<Breaker> | undefined;
  chain(): Versioned<ChainMemory> | undefined;
  totals(): ColdTotals;

  /** Called after every commit that makes something of that kind due. */
  onDue(listener: (what: 'contents' | 'create' | 'renew' | 'deals') => void): void;
}

export interface ColdOfContent {
  waiting?: WaitingContent;
  pieces: readonly { id: string; state: Piece['state']; summary: PieceSummary; next: Reason }[];
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
    | { kind: 'propose'; provider: string; why: Reason; costAtto: bigint; startEpoch: number; endEpoch: number }
    | { kind: 'build'; why: Reason }
    | { kind: 'wait'; why: Reason };
}

/** Chain, money and spending as the reconcilers saw them last; nothing here is on disk but through the {@link ColdStore}. */
export interface ColdView {
  /** Why nothing is spent at present: the breaker, the node, the wallet; undefined when it may be. */
  held(): Reason | undefined;
  /** The last look at the chain, and when; undefined before the first one that succeeded. */
  lastView(): { view: ChainView; atMs: number } | undefined;
  /** The last market and wallet balance at finality. */
  funds(): { escrowAtto: bigint; lockedAtto: bigint; walletAtto: bigint; address: string } | undefined;
  budget(): Promise<{ perDayAtto: bigint; day: number; committedAtto: bigint }>;
  policies(): readonly ColdPolicy[];
  /** What would be done next and what it costs; does nothing. */
  preview(limit: number): Promise<{ steps: PlannedStep[]; costAtto: bigint; more: boolean }>;
  freeze(text: string): Promise<Breaker>;
  /** Rejects with `NOT_FOUND` when nothing is frozen. */
  unfreeze(): Promise<void>;
  suspend(providerId: string, text: string): Promise<Provider>;
  unsuspend(providerId: string): Promise<Provider>;
  /** Asks chain and provider now. */
  refresh(providerId: string, signal: AbortSignal): Promise<Provider>;
  /** Score in [0, 1] with what it is made of. */
  score(provider: Provider): { value: number; reasons: readonly string[] };
}
