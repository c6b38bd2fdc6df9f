import type { ColdStore } from '../../domain/cold-store-port.ts';
import { dayOfEpoch } from '../../domain/epoch.ts';
import type { Clock } from '../../domain/ports.ts';
import type { SourceOutcome } from '../../domain/retrieval-ports.ts';
import type { ColdRules } from '../../plan/rules.ts';
import type { Desk } from './desk.ts';
import type { SpendingGuard } from './guard.ts';
import { noteRetrieval } from './note-retrieval.ts';

export interface RetrievalDeskOptions {
  store: Pick<ColdStore, 'chain'>;
  desk: Desk;
  guard: SpendingGuard;
  rules: Pick<ColdRules, 'sampleAttoPerDay'>;
  clock: Clock;
}

/** What readers' retrievals have to do with deals and money. */
export class RetrievalDesk {
  readonly #options: RetrievalDeskOptions;
  #booking: Promise<unknown> = Promise.resolve();

  constructor(options: RetrievalDeskOptions) {
    this.#options = options;
  }

  /** Books what a retrieval will cost on the day's budget, which samples share; false when there is not so much left. */
  book(priceAtto: bigint): Promise<boolean> {
    const booked = this.#booking.then(() => this.#book(priceAtto));
    this.#booking = booked.catch(() => undefined);
    return booked;
  }

  async #book(priceAtto: bigint): Promise<boolean> {
    const { store, guard, rules } = this.#options;
    if (priceAtto === 0n) return true;
    const before = store.chain()?.value.sampled;
    if (guard.held() !== undefined || store.chain() === undefined) return false;
    const day = dayOfEpoch(guard.headEpoch());
    const spent = before?.day === day ? before : { day, bytes: 0, atto: 0n };
    if (spent.atto + priceAtto > rules.sampleAttoPerDay) return false;
    await guard.keep({ sampled: { ...spent, atto: spent.atto + priceAtto } });
    return true;
  }

  /** Evidence for deals that gave bytes back, and against those that did not. What was not needed says nothing. */
  async note(outcomes: readonly SourceOutcome[]): Promise<void> {
    const { guard } = this.#options;
    const view = guard.lastView()?.view;
    if (view === undefined) return;
    for (const { source, result, text, bytes, tookMs, firstByteMs = 0 } of outcomes) {
      if (source === undefined || result === 'superseded' || (result === 'done' && bytes === 0)) continue;
      await noteRetrieval(
        this.#options,
        source.dealId,
        view,
        result === 'done' ? { bytes, tookMs, firstByteMs } : { failure: `${WORDS[result]}: ${text}` },
      );
    }
  }
}

const WORDS = {
  refused: 'the bytes were not given back',
  unreachable: 'the bytes did not come back',
  stalled: 'the bytes stopped coming',
  wrong_bytes: 'other bytes came back',
  endless: 'more bytes came back than there can be',
  incomplete: 'not all of the bytes came back',
} as const;
