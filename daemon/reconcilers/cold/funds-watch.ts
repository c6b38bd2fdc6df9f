import type { Reason } from '../../domain/pin.ts';
import { type FundsLook, type Trip, tripByFunds, unexplainedLocked, unexplainedWithdrawal } from '../../plan/losses.ts';

/** A suspicion about our money, and against which earlier look it was raised: at the second sight it is a fact. */
interface Suspicion {
  of: 'locked' | 'withdrawn';
  before: FundsLook;
  finalizedEpoch: number;
}

/** Compares each look at our money with our deals, and with the look before it. */
export class FundsWatch {
  #last: FundsLook | undefined;
  #suspicion: Suspicion | undefined;
  #unexplainedAtto: bigint | undefined;

  /** What is locked beyond our deals, by the last look. */
  get unexplainedAtto(): bigint | undefined {
    return this.#unexplainedAtto;
  }

  /** Why nothing should be spent until the next look: the second sight may come too late. */
  get doubt(): Reason | undefined {
    return this.#suspicion === undefined ? undefined : FUNDS_IN_DOUBT;
  }

  /** `acceptedAtto`: locked beyond our deals, as the operator knows. */
  look(now: FundsLook, finalizedEpoch: number, acceptedAtto: bigint): Trip | undefined {
    const before = this.#suspicion?.before ?? this.#last ?? now;
    const unexplained = unexplainedLocked(now);
    const locked = unexplained > acceptedAtto ? unexplained : 0n;
    const withdrawn = unexplainedWithdrawal(before, now);
    this.#last = now;
    this.#unexplainedAtto = unexplained;
    if (locked === 0n && withdrawn === 0n) {
      this.#suspicion = undefined;
      return undefined;
    }
    const of = locked > 0n ? 'locked' : 'withdrawn';
    if (this.#suspicion?.of !== of) this.#suspicion = { of, before, finalizedEpoch };
    else if (finalizedEpoch > this.#suspicion.finalizedEpoch) return tripByFunds(of, of === 'locked' ? locked : withdrawn);
    return undefined;
  }

  /** The operator has seen what there was to see. */
  forget(): void {
    this.#suspicion = undefined;
    this.#last = undefined;
  }
}

export const FUNDS_IN_DOUBT: Reason = {
  code: 'funds_in_doubt',
  text: 'waiting: the balance on the chain is not what the deals explain; it is looked at once more',
};
