import type { Deal, DealTerms } from './deal.ts';
import type { BuiltPiece, CutPart, PieceMember } from './piece.ts';
import type { Reason } from './pin.ts';
import type { Ask, ProviderOnChain } from './provider.ts';
import type { SignedProposal } from './receipt-ports.ts';
import type { OpenedDag } from './retrieval-ports.ts';

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

/** A provider told an ask that cannot be what it means; the message says why. */
export class UnusableAsk extends ColdError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('refused', message, options);
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
  /**
   * The same of all messages in a span of epochs, of deals of one kind: slow, for when nobody says by which message a deal was
   * published. Undefined, or absent, where the node cannot list messages.
   */
  findPublished?(wanted: WantedDeal, signal: AbortSignal): Promise<PublishedDeal[] | undefined>;
}

/** Deals to be looked for in the messages of the epochs `from` to `to`, both included. */
export interface WantedDeal {
  pieceCid: string;
  provider: string;
  startEpoch: number;
  from: number;
  to: number;
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
  /**
   * Whether `stage` takes a CAR file. Without it `stage` and `unstage` are not called: providers fetch a piece from us, and its
   * contents stay hot for as long.
   */
  readonly needsFile: boolean;
  /**
   * Whether what a deal costs must lie in the wallet's escrow before it is proposed, and it is our affair that it does. Otherwise
   * the maker sees to the escrow.
   */
  readonly paysFromEscrow?: boolean;
  /** Address that pays, as its key address. */
  wallet(signal: AbortSignal): Promise<string>;
  /** Whether deals can be made right now: token, wallet, reachability. Never rejects. Undefined: yes. */
  problem(signal: AbortSignal): Promise<Reason | undefined>;
  /** What it asks for. Rejects with {@link UnusableAsk} where that is another provider's. */
  ask(providerId: string, signal: AbortSignal): Promise<Ask>;
  /** The same, and by which of several ways it answered: `https`, `http`, `libp2p`. Left out by a maker that has one way. */
  askOver?(providerId: string, signal: AbortSignal): Promise<{ ask: Ask; over: string }>;
  /** The terms of a deal to be, and its proposal CID, without asking the provider. Changes nothing anywhere that costs. */
  prepare(order: DealOrder, signal: AbortSignal): Promise<PreparedDeal>;
  /** Makes the piece's CAR known to the other side. Idempotent. `file` is the whole CAR. */
  stage(piece: BuiltPiece & { id: string }, file: string, signal: AbortSignal): Promise<void>;
  /** Undoes `stage`, once no transfer needs it. Idempotent. */
  unstage(piece: BuiltPiece & { id: string }, signal: AbortSignal): Promise<void>;
  send(prepared: Pick<Deal, 'request' | 'proposalCid'>, signal: AbortSignal): Promise<SendReply>;
  /**
   * The proposal as it was signed, out of what `prepare` gave. A maker that keeps none leaves this out, and undefined says that it
   * was not kept for this deal: it is looked for on the chain then.
   */
  signedProposal?(deal: Pick<Deal, 'request' | 'proposalCid' | 'begunAs'>): SignedProposal | undefined;
  report(deal: Pick<Deal, 'request' | 'proposalCid' | 'begunAs' | 'publishCid' | 'chainDealId'>, signal: AbortSignal): Promise<DealReport>;
  /** The piece's CAR, from the provider of this deal, as it comes: the caller hashes it. */
  retrieve(deal: Deal, piece: BuiltPiece & { id: string }, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * The DAG under one CID of the piece, from the provider of this deal. Where a maker can only have the whole piece, that is
   * what comes: blocks of other contents are to be passed over. The caller closes it.
   *
   * @param priceMaxAtto - it is refused when it would cost more, or more than the maker may ever pay
   */
  open(deal: Deal, piece: BuiltPiece & { id: string }, rootCid: string, signal: AbortSignal, priceMaxAtto?: bigint): Promise<OpenedDag>;
  /** FIL that `retrieve` and `open` would cost; undefined when the provider does not offer it. */
  retrievalPrice(deal: Deal, piece: BuiltPiece & { id: string }, signal: AbortSignal): Promise<bigint | undefined>;
}

// ---------------------------------------------------------------------------------------------------------------
// Pieces

/** Blocks of held contents. Every block handed out was hashed on its way into the tier. */
export interface BlockSource {
  /** By its multihash: under whichever codec it is asked for. Rejects with a HotError. */
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

/** The bytes of a piece's CAR, from any place on; the same each time. Holds nothing open. */
export interface PieceReader {
  carSizeBytes: number;
  /**
   * From the byte `from` up to, and not including, `to`, which is at most the CAR's size, in parts of at most 256 KiB; no more than
   * some MiB are read before they are asked for. Rejects with a {@link PieceError}, after bytes that are right.
   */
  read(from: number, to: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined>;
}

/** Bytes of pieces: as hot blocks and a manifest of what lies where, or as CAR files in the staging directory. All rejections are {@link PieceError}s. */
export interface PieceWorks {
  /**
   * Makes the CAR from hot blocks: CARv1, one root, depth-first pre-order, each CID once; hashes it and writes its manifest; and
   * writes it into the staging directory where files are needed. The same members in the same order give the same bytes.
   * Replaces what an interrupted build left.
   *
   * @param pieceBytesMin - the least padded size: with that of a piece that was built before, it is that piece again
   */
  build(pieceId: string, members: readonly PieceMember[], signal: AbortSignal, pieceBytesMin?: number): Promise<BuiltPiece>;
  /**
   * How a content that is too large for a piece is cut into parts whose CARs have at most so many bytes. Reads all of it. The same
   * content is cut in the same way each time; one part means that it fits. Rejects with `too_large` when it cannot be cut.
   */
  cut(contentKey: string, carBytesMax: number, signal: AbortSignal): Promise<readonly CutPart[]>;
  /** Path of the whole, checked CAR file; undefined when it is not there. */
  staged(pieceId: string): Promise<string | undefined>;
  /**
   * Its bytes, from the staged file or else by its manifest; undefined when neither is there. Whether the tier still has the blocks
   * shows when they are read. A damaged manifest is removed, and said in the log.
   */
  open(piece: BuiltPiece & { id: string }): Promise<PieceReader | undefined>;
  /** Takes a CAR that came back, hashes it, and keeps it as the staged file only when it is the piece. */
  receive(piece: BuiltPiece & { id: string }, car: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<{ bytes: number }>;
  /** The same without keeping anything. */
  check(piece: BuiltPiece & { id: string }, car: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<{ bytes: number }>;
  /** Removes the file. */
  drop(pieceId: string): Promise<void>;
  /** Removes the manifest as well. */
  forget(pieceId: string): Promise<void>;
  /** Ids of pieces of which there is anything, whole or not. */
  list(): Promise<string[]>;
}
