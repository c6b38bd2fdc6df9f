import type { Chain, DealMaker, DealOrder, RefusalKind } from '../../../daemon/domain/cold-ports.ts';
import type { BuiltPiece } from '../../../daemon/domain/piece.ts';

/**
 * What happens to the next call that would begin a deal.
 * - done: it is carried out, and the reply does not come, or comes garbled
 * - late: it is carried out only after its connection has gone
 * - not done: it never is
 */
export const SEND_FAULTS = {
  'reply lost before it was done': 'not done',
  'reply lost after it was done': 'done',
  'done only after the connection was gone': 'late',
  'never answered': 'not done',
  'stopped in the middle of the reply': 'done',
  'garbage in reply': 'done',
  'reply cut short': 'done',
  'reply to another request': 'done',
  'reply of 1 GB': 'not done',
  'a proxy in between says 500': 'not done',
} as const satisfies Record<string, 'done' | 'late' | 'not done'>;

export type SendFault = keyof typeof SEND_FAULTS;

/** What a provider does with proposals, or with bytes. */
export type ProviderFault =
  | { refuses: RefusalKind }
  /** Says no, and publishes all the same. */
  | 'publishes after a refusal'
  | 'answers nobody'
  | 'lost the bytes'
  | 'gives other bytes back'
  | 'never ends a retrieval';

export interface StagedPiece {
  piece: BuiltPiece & { id: string };
  /** Its CAR, whole. */
  file: string;
}

/** A deal as the other side began it: what is true, whoever was told. */
export interface TrueDeal {
  proposalCid: string;
  provider: string;
  startEpoch: number;
}

/** A network with providers, a wallet with means, and a maker that deals there. One for each test. */
export interface MakerWorld {
  maker: DealMaker;
  chain: Chain;
  /** At least two, which take deals and give bytes back for nothing. */
  providers: readonly string[];
  /** One that asks money for giving bytes back. */
  paidProvider: string;
  /** In the form of a provider, which no provider has. */
  noProvider: string;
  /** A new maker over the same, as after a restart of the daemon. */
  restarted(): DealMaker;
  /** A piece like no other, on the disk. */
  createPiece(bytes?: number): Promise<StagedPiece>;
  /** An order that a provider takes. */
  orderOf(piece: StagedPiece['piece'], provider: string): Promise<DealOrder>;
  /** Lets so many epochs pass, and what is to happen in them happen. */
  advance(epochs: number): Promise<void>;
  faults: {
    /** Of calls that begin a deal, the next one, or the next `times`. */
    send(fault: SendFault, times?: number): void;
    provider(id: string, fault: ProviderFault): void;
    /** Replies to anything do not come. */
    silence(): void;
    /** The token is no longer good for making deals. */
    weakToken(): void;
    clear(): void;
  };
  truth: {
    /** Every deal that was begun, in no order; what was to be done late is waited for. */
    deals(): Promise<TrueDeal[]>;
    /** Pieces that are staged with the other side. */
    staged(): Promise<number>;
    /** attoFIL in wallet and escrow together. */
    money(): Promise<bigint>;
  };
  close(): Promise<void>;
}
