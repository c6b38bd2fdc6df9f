import type { ProviderFaults } from './faults.ts';
import type { Key } from './keys.ts';
import type { Proposal } from './market-cbor.ts';

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
  sectorSizeBytes: number;
  retrievalPricePerByte: bigint;
  allow?: readonly string[];
  workerKey: Key;
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
}
