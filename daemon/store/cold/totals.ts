import type { ColdTotals } from '../../domain/cold-store-port.ts';
import type { Deal } from '../../domain/deal.ts';
import type { Piece } from '../../domain/piece.ts';
import { decodeAtto, encodeAtto, type StoredAtto } from './codecs.ts';
import { isLive } from './indexes.ts';

/** How far the spend log goes that this store knows of. */
export interface SpendLogState {
  /** Length of that part of the file, and the CRC-32 of it. */
  bytes: number;
  crc: number;
  /** Number of the last write with lines in it. */
  serial: number;
}

/** What is summed up over all pieces and deals. */
export interface Sums extends ColdTotals {
  /** Deals ever made; those that were removed since are counted too. */
  madeDeals: number;
  removedDeals: number;
}

/** `v/totals`. */
export interface StoredTotals extends Omit<Sums, 'committedAtto'> {
  committedAtto: StoredAtto;
  spendLog: SpendLogState;
}

export const NO_SUMS: Sums = { deals: {}, unknownDeals: 0, pieces: {}, committedAtto: 0n, madeDeals: 0, removedDeals: 0 };
export const NO_SPEND_LOG: SpendLogState = { bytes: 0, crc: 0, serial: 0 };

export function encodeTotals(sums: Sums, spendLog: SpendLogState): StoredTotals {
  return { ...sums, committedAtto: encodeAtto(sums.committedAtto), spendLog };
}

export function decodeTotals({ spendLog, committedAtto, ...rest }: StoredTotals): { sums: Sums; spendLog: SpendLogState } {
  return { sums: { ...rest, committedAtto: decodeAtto(committedAtto) }, spendLog };
}

type SummedDeal = Pick<Deal, 'state' | 'outcome' | 'costAtto'>;

export function withDeal(sums: Sums, before: SummedDeal | undefined, after: SummedDeal | undefined): Sums {
  return {
    ...sums,
    deals: moved(sums.deals, before?.state, after?.state),
    unknownDeals: sums.unknownDeals - unknowns(before) + unknowns(after),
    committedAtto: sums.committedAtto - commitment(before) + commitment(after),
    madeDeals: sums.madeDeals + (before === undefined && after !== undefined ? 1 : 0),
    removedDeals: sums.removedDeals + (before !== undefined && after === undefined ? 1 : 0),
  };
}

export function withPiece(sums: Sums, before: Pick<Piece, 'state'> | undefined, after: Pick<Piece, 'state'> | undefined): Sums {
  return { ...sums, pieces: moved(sums.pieces, before?.state, after?.state) };
}

/** A state that nothing is in has no entry, so that equal sums look equal. */
function moved<State extends string>(counts: Readonly<Partial<Record<State, number>>>, from: State | undefined, to: State | undefined) {
  if (from === to) return counts;
  const next: Partial<Record<State, number>> = { ...counts };
  if (from !== undefined) {
    const left = (next[from] ?? 0) - 1;
    if (left === 0) delete next[from];
    else next[from] = left;
  }
  if (to !== undefined) next[to] = (next[to] ?? 0) + 1;
  return next;
}

function unknowns(deal: SummedDeal | undefined): number {
  return deal?.outcome === 'unknown' ? 1 : 0;
}

function commitment(deal: SummedDeal | undefined): bigint {
  return deal !== undefined && isLive(deal.state) ? deal.costAtto : 0n;
}
