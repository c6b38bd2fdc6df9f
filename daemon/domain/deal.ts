/**
 * `intended → proposed → accepted → published → active → expired`, or it ends as
 * - `rejected`: refused in so many words, in reply to the first send or before anything was accepted
 * - `failed`: the finalized chain passed its start and it was never published
 * - `missed`: published, but its start passed (finalized) without activation; its money stays locked until it is settled
 * - `lost`: slashed or terminated
 */
export type DealState =
  | 'intended'
  | 'proposed'
  | 'accepted'
  | 'published'
  | 'active'
  | 'expired'
  | 'rejected'
  | 'failed'
  | 'missed'
  | 'lost';

/** States in which a deal holds its slot, its failure domain and its money. */
export const LIVE_STATES = ['intended', 'proposed', 'accepted', 'published', 'active'] as const satisfies readonly DealState[];

/** Why a deal is made. */
export type DealReason =
  /** There are fewer copies than wanted. */
  | 'missing'
  /** A copy ends within `renewBefore`. */
  | 'expiring'
  /** A copy was lost, missed or failed. */
  | 'lost';

/** What makes two providers one: equal in any of these, they are one failure domain. All are strings, compared by kind. */
export interface FailureDomain {
  owner: string;
  worker: string;
  beneficiary: string;
  peerId?: string;
  hosts: readonly string[];
}

/** All that a deal will be, fixed before it is sent. */
export interface DealTerms {
  startEpoch: number;
  endEpoch: number;
  pricePerEpochAtto: bigint;
  clientCollateralAtto: bigint;
  providerCollateralAtto: bigint;
  verified: boolean;
}

/** What was seen of a deal, and where. */
export type Evidence =
  /** The finalized chain has it in a sector. */
  | {
      kind: 'marketDeal';
      chainDealId: number;
      sectorStartEpoch: number;
      seenEpoch: number;
      /** The finalized tip set at which it was read; absent in what older versions saw. */
      tipSet?: readonly string[];
      /** ID address of the client, as the market has it; absent likewise. */
      clientId?: string;
      atMs: number;
    }
  /** The provider gave the bytes back and they hash to the piece. */
  | { kind: 'retrieval'; bytes: number; tookMs: number; firstByteMs: number; seenEpoch: number; atMs: number };

export interface DealEvent {
  state: DealState;
  atMs: number;
  epoch: number;
  reason: string;
}

/** One replica of one piece with one provider. Money is attoFIL. */
export interface Deal {
  /** UUIDv5 of piece and generation. */
  id: string;
  pieceId: string;
  /** `f0…`. */
  provider: string;
  country?: string;
  domain: FailureDomain;
  /** Name of the maker that made it. */
  maker: string;
  /** Address that pays, as its key address; another one may pay for the deals that come later. */
  wallet?: string;
  state: DealState;
  /** It was sent, or may have been, and no reply says what became of it: holds its slot and its money until the chain decides. */
  outcome?: 'unknown';
  reason: DealReason;
  /** The deal that it replaces, with which it may overlap in one failure domain. */
  replaces?: string;
  createdMs: number;
  terms: DealTerms;
  /** The whole commitment: price × duration + client collateral. */
  costAtto: bigint;
  /** What it takes of the wallet's DataCap; absent of deals that are not verified. */
  datacapBytes?: number;
  /** The day (`dayOfEpoch`) on whose budget it was booked. */
  budgetDay: number;
  /** As predicted before the first send. */
  proposalCid: string;
  /** Under which it is on its way, when that is another one: nobody knows for sure what was signed then. */
  begunAs?: string;
  /** The maker's own, opaque: everything needed to send precisely the same again. JSON. */
  request: Readonly<Record<string, unknown>>;
  /** Sends begun so far. */
  sends: number;
  publishCid?: string;
  chainDealId?: number;
  /** Up to which epoch the chain had paid the provider when it was looked at last; absent before the first settlement. */
  settledEpoch?: number;
  /** What the maker or provider said last. */
  said?: string;
  /** The finalized epoch at which the chain was first seen without it, or slashed; lost only when seen again `confirm_lost` later. */
  suspectSinceEpoch?: number;
  activeEvidence?: Extract<Evidence, { kind: 'marketDeal' }>;
  retrievalEvidence?: Extract<Evidence, { kind: 'retrieval' }>;
  /** Why the last sampled retrieval failed, if it did. */
  retrievalFailure?: { atMs: number; epoch: number; text: string };
  /** Newest last, the latest 64. */
  history: readonly DealEvent[];
  /** When verify looks at it again; absent once it has ended for good. */
  dueEpoch?: number;
}
