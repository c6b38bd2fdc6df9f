/** What a funding message is for. Money is attoFIL. */
export type FundingPurpose =
  /** From the wallet into our escrow with the market. */
  | { kind: 'top_up'; amountAtto: bigint }
  /** Deals that missed their start are settled, which frees what they keep locked. */
  | { kind: 'settle'; chainDealIds: readonly number[]; freesAtto: bigint };

/** What a message may cost at most is `limit × feeCapAtto`. */
export interface Gas {
  limit: number;
  feeCapAtto: bigint;
  premiumAtto: bigint;
}

/** A message as it was signed: it is sent as it stands here, however often. */
export interface SignedMessage {
  cid: string;
  gas: Gas;
  /** As Lotus takes it. JSON. */
  body: Readonly<Record<string, unknown>>;
  /** The head's epoch when it was signed. */
  epoch: number;
}

/** Where a message ended up. */
export interface MessageReceipt {
  /** Of the version that the chain has. */
  cid: string;
  height: number;
  exitCode: number;
  gasUsed: number;
}

/** The one message that is under way, in all the versions that were signed of it: the chain takes one per nonce. */
export interface FundingMessage {
  purpose: FundingPurpose;
  nonce: number;
  /** Oldest first, each with more gas than the one before. */
  versions: readonly SignedMessage[];
  /** As it was seen last, which a reorg may take back: a gateway does not look back far enough to say so once it is final. */
  seen?: MessageReceipt;
}

/**
 * - `opening`: what was there when fbpd began to keep the book of this wallet
 * - `added`: by a message of ours
 * - `gift`: by somebody else; anyone may add to an escrow
 * - `paid`: to providers, and settled
 * - `withdrawn`: by somebody else, as the operator knows who said that spending goes on
 * - `gas`: out of the wallet, for messages of ours
 * - `freed`: deals that missed their start were settled; it was locked, and is free again
 */
export const ESCROW_LINE_KINDS = ['opening', 'added', 'gift', 'paid', 'withdrawn', 'gas', 'freed'] as const;

export type EscrowLineKind = (typeof ESCROW_LINE_KINDS)[number];

/** One line of the book, about the time up to a finalized epoch. */
export interface EscrowLine {
  /** Counted from 1. */
  number: number;
  kind: EscrowLineKind;
  /** Never negative. */
  atto: bigint;
  epoch: number;
  atMs: number;
  /** Of the message that it is about. */
  messageCid?: string;
  /** What else there is to say. */
  text?: string;
}

export type EscrowSums = Readonly<Record<EscrowLineKind, bigint>>;

/** Escrow and wallet of one address at a finalized tip set, and how they came to be that. */
export interface EscrowBook {
  wallet: string;
  /** Of the message under way, or else of the next one: who uses it is not us. */
  nonce: number;
  /** Up to which finalized epoch it is kept. */
  epoch: number;
  escrowAtto: bigint;
  lockedAtto: bigint;
  walletAtto: bigint;
  /** Promised to deals then, which the chain may have locked since. */
  promisedAtto: bigint;
  /** So many lines, which sum up to this, by kind; those of former wallets are not among the sums. */
  lines: number;
  sums: EscrowSums;
  message?: FundingMessage;
  /** After a message that failed: no other one before this epoch. */
  notBeforeEpoch?: number;
  /** Why spending was frozen before the operator said that it goes on: what the chain has next is taken as right. */
  accepted?: string;
}

export const NO_ESCROW_SUMS: EscrowSums = { opening: 0n, added: 0n, gift: 0n, paid: 0n, withdrawn: 0n, gas: 0n, freed: 0n };

/** What escrow must be by the lines of the book: added less paid and withdrawn. */
export function escrowBySums({ opening, added, gift, paid, withdrawn }: EscrowSums): bigint {
  return opening + added + gift - paid - withdrawn;
}

/** What a message of ours may cost at most. */
export function feeAtMost({ limit, feeCapAtto }: Gas): bigint {
  return BigInt(limit) * feeCapAtto;
}

/** At the head, as it was seen last, all in one look. */
export interface EscrowBalance {
  escrowAtto: bigint;
  lockedAtto: bigint;
  /** In escrow, and neither locked nor promised. */
  freeAtto: bigint;
}

/** How the escrow stands, for operators and metrics: by the last pass over it, and its balance by the last look at the chain. */
export interface EscrowStanding extends EscrowBalance {
  /** What is going on, or why nothing is. */
  state: { code: string; text: string };
  /** What should be known early, before deals wait for it. */
  warnings: readonly { code: string; text: string }[];
  levelAtto: bigint;
  /** Days that wallet and free escrow last, at the pace of the last week; undefined when nothing was promised in it. */
  runwayDays?: number;
  /** Free for verified deals; undefined when no policy wants them, the wallet is no verified client, or it is not known. */
  datacapBytes?: bigint;
}
