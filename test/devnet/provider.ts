import type { ProviderFaults } from './faults.ts';
import type { Key } from './keys.ts';
import type { Proposal } from './market-cbor.ts';

/**
 * How a provider speaks mk12:
 * - `boost`: libp2p over TCP; bytes back from an HTTP server of its own, which only the transports protocol names
 * - `curio`: HTTP, for deals and for bytes, at one address that it announces as `…/ws`
 * - `both`: as Curio with libp2p on: HTTP and libp2p over websockets at that one address
 */
export type Mk12Style = 'boost' | 'curio' | 'both';

/** Prices are attoFIL per GiB of padded piece and epoch. */
export interface AskOptions {
  price?: bigint;
  verifiedPrice?: bigint;
  minPieceSizeBytes?: number;
  maxPieceSizeBytes?: number;
}

export interface ProviderOptions {
  /** `f0…`. */
  id?: string;
  owner?: string;
  worker?: string;
  beneficiary?: string;
  peerId?: string;
  multiaddrs?: readonly string[];
  /** Said by nobody on the chain; for the tests' convenience. */
  country?: string;
  ask?: AskOptions;
  /** Default: one after the other. */
  mk12?: Mk12Style;
  sectorSizeBytes?: number;
  /** attoFIL per byte; 0 by default. */
  retrievalPricePerByte?: bigint;
  /** Clients that it takes deals from; without it, all. Key or ID addresses. */
  allow?: readonly string[];
  faults?: ProviderFaults;
}

/** A provider as it stands in the chain's state, with its ask. */
export interface ProviderInfo {
  id: string;
  owner: string;
  worker: string;
  beneficiary: string;
  peerId: string;
  multiaddrs: readonly string[];
  country: string;
  ask: Required<AskOptions>;
  mk12: Mk12Style;
  sectorSizeBytes: number;
  retrievalPricePerByte: bigint;
  allow?: readonly string[];
  workerKey: Key;
  /** Where its HTTP server listens, once it does. */
  httpPort?: number;
  /** Ed25519, of its libp2p identity: seed and public key. */
  peerKey: Uint8Array;
}

/** What mk12 adds to a deal. */
export interface Mk12Deal {
  uuid: string;
  isOffline: boolean;
  transfer: { type: string; params: string; sizeBytes: number };
  /** RFC 3339. */
  proposedAt: string;
  /** Times that the transfer was begun. */
  attempts: number;
  /** Epoch of the next one. */
  nextAttempt: number;
  receivedBytes: number;
  /** It was told no: the provider shows it to nobody, whatever it does with it. */
  refused?: true;
}

/**
 * - `refused`: said no (and `published` all the same when told to)
 * - `waiting`: accepted, data not here yet
 * - `ready`: data here and checked
 * - `publishing`: message sent · `published` · `sealing` · `active`
 * - `failed`: data did not match, the publish failed, or the start passed
 */
export type ProviderDealState = 'refused' | 'waiting' | 'ready' | 'publishing' | 'published' | 'sealing' | 'active' | 'failed';

/** One proposal that reached a provider: ground truth. */
export interface ProviderDeal {
  proposalCid: string;
  provider: string;
  proposal: Proposal;
  /** Base64. */
  signature: string;
  /** Default: secp256k1. */
  signatureType?: number;
  root: string;
  state: ProviderDealState;
  message: string;
  receivedEpoch: number;
  publishAt?: number;
  publishCid?: string;
  /** Epoch of the receipt. */
  publishedEpoch?: number;
  proveCid?: string;
  settleCid?: string;
  /** The CAR that it keeps. */
  file?: string;
  carSizeBytes?: number;
  /** Of a deal that came by mk12. */
  mk12?: Mk12Deal;
}
