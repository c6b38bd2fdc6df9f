import type { Chain, DealMaker, PieceWorks } from '../../domain/cold-ports.ts';
import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { DrillReport, Scratch } from '../../domain/drill.ts';
import type { Places } from '../../domain/places-port.ts';
import type { ColdPolicy } from '../../domain/policy.ts';
import type { Clock, PinStore } from '../../domain/ports.ts';
import type { PieceProofs } from '../../domain/receipt-ports.ts';
import type { MinerIndex } from '../../domain/scan.ts';
import type { WalletPort } from '../../domain/wallet-port.ts';
import type { Log } from '../../log.ts';
import type { EscrowRules } from '../../plan/escrow.ts';
import type { ColdRules } from '../../plan/rules.ts';

/** All that the cold reconcilers share. `random` gives numbers in [0, 1). */
export interface ColdOptions {
  store: ColdStore;
  chain: Chain;
  maker: DealMaker;
  works: PieceWorks;
  /** Absent where no receipts are given. */
  proofs?: PieceProofs;
  /** The one called `default`, else the first, holds for every content. */
  policies: readonly ColdPolicy[];
  /** Providers that may be asked. */
  trusted: readonly string[];
  /** Of a provider, as configured. */
  countries: ReadonlyMap<string, string>;
  /** Says where the others are; without it that is not known. */
  places?: Places;
  /** Everybody on the chain; without it there is no scan. */
  miners?: MinerIndex;
  rules: ColdRules;
  /** Absent for makers that see to the escrow themselves. */
  funding?: Funding;
  random: () => number;
}

/** What keeps the escrow filled, where the maker leaves that to us. */
export interface Funding {
  wallet: WalletPort;
  rules: EscrowRules;
}

export interface ColdContextOptions extends ColdOptions {
  pins: Pick<PinStore, 'contents'>;
  /** Brings a content back that has no hot copy; resolves when that is over, whatever became of it. */
  warm: (contentKey: string) => Promise<unknown>;
  /** Room for what is brought back without anybody waiting for it; absent where there always is. */
  hasRoom?: () => boolean;
  /** Whether a content that is to go is still in the hot tier, and stays there while a deal is on its way. */
  keeps: (contentKey: string, signal: AbortSignal) => Promise<boolean>;
  clock: Clock;
  log: Log;
  drill?: DrillSetup;
  /** Deals were found lost, or to have ended. */
  onLosses?: () => void;
}

/** What restore drills need beside. */
export interface DrillSetup {
  scratch: Scratch;
  reports: { keep(report: DrillReport): Promise<void>; last(): Promise<DrillReport | undefined> };
  /** About so much is fetched by a drill of contents that are drawn. */
  drillBytes: number;
}

export interface ColdCron {
  create: string;
  verify: string;
  renew: string;
  drill: string;
  escrow: string;
}
