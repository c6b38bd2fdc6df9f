import type { Deal, DealTerms } from './deal.ts';
import type { BuiltPiece, PieceMember } from './piece.ts';
import type { Reason } from './pin.ts';
import type { Ask, ProviderOnChain } from './provider.ts';

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
