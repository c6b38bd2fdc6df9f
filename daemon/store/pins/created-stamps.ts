import { FbpdError } from '../../domain/errors.ts';

/** How far a burst may run ahead of the clock. */
export const LEAD_MS = 5_000;

interface AccountTime {
  /** The newest `created` given out. */
  lastMs: number;
  /** How much further `created` has run than the clock since, by bursts alone. */
  leadMs: number;
  seenMs: number;
}

/**
 * Gives out `created` times: unique and ascending within an account, a millisecond each, whatever the clock does. A
 * burst of more than one pin a millisecond runs ahead of the clock by at most {@link LEAD_MS}. A clock that was set back
 * is no burst: pins go on from the last `created`, as fast as ever.
 */
export class CreatedStamps {
  readonly #accounts = new Map<string, AccountTime>();

  /** `created` up to this time was given out before. */
  reserve(accountId: string, createdMs: number): void {
    const time = this.#accounts.get(accountId);
    if (time === undefined) this.#accounts.set(accountId, { lastMs: createdMs, leadMs: 0, seenMs: 0 });
    else time.lastMs = Math.max(time.lastMs, createdMs);
  }

  /** The newest `created` given out or reserved; 0 without any. */
  last(accountId: string): number {
    return this.#accounts.get(accountId)?.lastMs ?? 0;
  }

  /** @throws FbpdError `TOO_MANY_REQUESTS` */
  next(accountId: string, nowMs: number): number {
    const time = this.#accounts.get(accountId) ?? { lastMs: 0, leadMs: 0, seenMs: nowMs };
    const leadMs = Math.max(0, time.leadMs - Math.max(0, nowMs - time.seenMs));
    const createdMs = Math.max(nowMs, time.lastMs + 1);
    const burstMs = createdMs === nowMs ? 0 : leadMs + 1;
    if (burstMs > LEAD_MS) {
      throw new FbpdError('TOO_MANY_REQUESTS', 'more than a pin a millisecond for too long: slow down, and try again in some seconds');
    }
    this.#accounts.set(accountId, { lastMs: createdMs, leadMs: burstMs, seenMs: nowMs });
    return createdMs;
  }
}
