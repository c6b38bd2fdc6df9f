import type { DealTerms } from '../domain/deal.ts';
import { EPOCHS_PER_DAY } from '../domain/epoch.ts';
import { formatFil } from '../domain/fil.ts';
import type { Reason } from '../domain/pin.ts';
import type { Datacap } from './datacap.ts';

export interface Budget {
  perDayAtto: bigint;
  /** The whole commitment of one deal. */
  perDealAtto: bigint;
}

/** Money as a plan sees it. */
export interface Money extends Budget {
  /** Committed on the day of the head's epoch. */
  committedTodayAtto: bigint;
  /** In wallet and escrow, and not promised to any deal yet; undefined when it is not known. */
  availableAtto?: bigint;
  /** Where deals are paid out of the escrow, and only that counts: what is being done about it, and whether more is to come. */
  escrow?: { text: string; isComing: boolean };
  /** For verified deals; absent where the maker sees to it. */
  datacap?: Datacap;
}

export type MoneyCode = 'over_deal_cap' | 'over_budget' | 'funds_short';

/** The whole commitment: price × duration + client collateral. */
export function costOf(terms: Pick<DealTerms, 'startEpoch' | 'endEpoch' | 'pricePerEpochAtto' | 'clientCollateralAtto'>): bigint {
  return terms.pricePerEpochAtto * BigInt(terms.endEpoch - terms.startEpoch) + terms.clientCollateralAtto;
}

/** Why a deal of that cost may not be made now; undefined when it may. */
export function unaffordable(costAtto: bigint, money: Money): (Reason & { code: MoneyCode }) | undefined {
  if (costAtto > money.perDealAtto) {
    return {
      code: 'over_deal_cap',
      text: `over budget: a deal of ${formatFil(costAtto)} is above budget.per_deal (${formatFil(money.perDealAtto)})`,
    };
  }
  if (money.committedTodayAtto + costAtto > money.perDayAtto) {
    const left = money.perDayAtto > money.committedTodayAtto ? money.perDayAtto - money.committedTodayAtto : 0n;
    return {
      code: 'over_budget',
      text: `over budget: ${formatFil(costAtto)} are needed and ${formatFil(left)} of budget.per_day are left; it goes on tomorrow`,
    };
  }
  if (money.availableAtto !== undefined && costAtto > money.availableAtto) {
    return { code: 'funds_short', text: `waiting for funds: ${formatFil(costAtto)} are needed; ${shortage(money, money.availableAtto)}` };
  }
  return undefined;
}

function shortage({ escrow }: Money, availableAtto: bigint): string {
  if (escrow === undefined) return 'the wallet has less than that to spare';
  return `${formatFil(availableAtto)} are free in escrow; ${escrow.text}`;
}

/** The first epoch of the day after. */
export function nextDayEpoch(epoch: number): number {
  return (Math.floor(epoch / EPOCHS_PER_DAY) + 1) * EPOCHS_PER_DAY;
}
