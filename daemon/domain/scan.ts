import type { Candidate } from './provider.ts';

/** Every provider that the chain knows, of which most have nothing. All rejections are ColdErrors. */
export interface MinerIndex {
  /** Their numbers (1234 for f01234), lowest first. */
  list(signal: AbortSignal): Promise<number[]>;
  /** What it has proven to store. */
  rawPowerBytes(id: string, signal: AbortSignal): Promise<bigint>;
}

/** Who is wanted of those that are found. All of them are kept, whoever was wanted. */
export interface ScanFilter {
  country?: string;
  /** attoFIL per GiB and epoch. */
  maxPriceAtto?: bigint;
  /** It takes pieces as small as this. */
  pieceBytes?: number;
  /** The scan ends when so many are found. */
  limit?: number;
}

/** What became of those that were looked at. */
export interface ScanTally {
  /** On the chain. */
  miners: number;
  /** By this scan and those that it goes on from. */
  looked: number;
  /** Of the next ones on, by this scan alone. */
  powered: number;
  /** Announce no address. */
  nowhere: number;
  /** Announce only addresses that may not be dialled, or names that lead to none. */
  hidden: number;
  silent: number;
  /** Tell an ask that cannot be, or none. */
  unusable: number;
  answered: number;
}

export interface Found extends Candidate {
  trusted: boolean;
}

export interface ScanReport {
  tally: ScanTally;
  /** False when it was stopped, or had found enough: the next one goes on there. */
  complete: boolean;
  /** Those that were wanted, of this scan and from those before that are not old. */
  found: readonly Found[];
  /** Why it broke off. */
  error?: string;
}

export interface Scans {
  /** Rejects with `CONFLICT` while another one is under way, and with `BAD_ENVIRONMENT` when the chain cannot be read. */
  run(filter: ScanFilter, onProgress: (tally: ScanTally, found: Found | undefined) => void, signal: AbortSignal): Promise<ScanReport>;
}
