import type { MarketBalance, MarketDeal } from '../domain/cold-ports.ts';
import type { Deal } from '../domain/deal.ts';
import { isLive } from './providers.ts';

/**
 * What a deal on the chain keeps locked of its client's escrow: money moves only when it is settled, so all that was not
 * paid yet, and the collateral. Builtin actors since FIP-0074: payment runs from max(StartEpoch, LastUpdated).
 */
export function lockedBy({
  startEpoch,
  endEpoch,
  lastUpdatedEpoch,
  pricePerEpochAtto,
  clientCollateralAtto,
}: Pick<MarketDeal, 'startEpoch' | 'endEpoch' | 'lastUpdatedEpoch' | 'pricePerEpochAtto' | 'clientCollateralAtto'>): bigint {
  const unpaidEpochs = Math.max(0, endEpoch - Math.max(startEpoch, lastUpdatedEpoch));
  return pricePerEpochAtto * BigInt(unpaidEpochs) + clientCollateralAtto;
}

/** Chain less ledger, at one finalized tip set; 0 when they are equal. */
export interface LedgerDifference {
  expectedLockedAtto: bigint;
  lockedAtto: bigint;
  differenceAtto: bigint;
}

/** Our deals as the chain has them, and our balance, both at one tip set. */
export function compareLedger(marketDeals: readonly MarketDeal[], { lockedAtto }: MarketBalance): LedgerDifference {
  const expectedLockedAtto = marketDeals.reduce((sum, deal) => sum + lockedBy(deal), 0n);
  return { expectedLockedAtto, lockedAtto, differenceAtto: lockedAtto - expectedLockedAtto };
}

/** What deals may account for on the chain, by our own record alone. */
export interface Exposure {
  /** The most that may be locked: by what is on the chain, may be or may come, and by what ended and may be unsettled. */
  lockedAtMostAtto: bigint;
  /**
   * Of that, what the finalized chain may not have locked yet: money promised that wallet and escrow may still show as
   * free. Published deals are among it, as that may have been seen at the head only.
   */
  promisedAtto: bigint;
  /** What may come on top of what the finalized chain has locked: all that was promised, and what who refused may publish all the same. */
  mayComeAtto: bigint;
}

export const NO_EXPOSURE: Exposure = { lockedAtMostAtto: 0n, promisedAtto: 0n, mayComeAtto: 0n };

export function exposureOf(deal: Deal): Exposure {
  const promised = isLive(deal) && deal.state !== 'active';
  if (promised) return { lockedAtMostAtto: deal.costAtto, promisedAtto: deal.costAtto, mayComeAtto: deal.costAtto };
  // Who refuses may publish all the same until its start is final: a signed proposal is a cheque, though nothing is kept back for it.
  if (deal.state === 'rejected' && deal.dueEpoch !== undefined)
    return { lockedAtMostAtto: deal.costAtto, promisedAtto: 0n, mayComeAtto: deal.costAtto };
  const unsettled = isLive(deal) || (deal.dueEpoch !== undefined && deal.state !== 'failed');
  if (!unsettled) return NO_EXPOSURE;
  const { terms, settledEpoch } = deal;
  return { lockedAtMostAtto: lockedBy({ ...terms, lastUpdatedEpoch: settledEpoch ?? -1 }), promisedAtto: 0n, mayComeAtto: 0n };
}

export function plus(a: Exposure, b: Exposure): Exposure {
  return {
    lockedAtMostAtto: a.lockedAtMostAtto + b.lockedAtMostAtto,
    promisedAtto: a.promisedAtto + b.promisedAtto,
    mayComeAtto: a.mayComeAtto + b.mayComeAtto,
  };
}

export function minus(a: Exposure, b: Exposure): Exposure {
  return {
    lockedAtMostAtto: a.lockedAtMostAtto - b.lockedAtMostAtto,
    promisedAtto: a.promisedAtto - b.promisedAtto,
    mayComeAtto: a.mayComeAtto - b.mayComeAtto,
  };
}
