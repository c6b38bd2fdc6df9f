import type { BudgetDay, Change, ColdChange, ColdStore } from '../../domain/cold-store-port.ts';
import type { Deal } from '../../domain/deal.ts';
import { isFbpdError } from '../../domain/errors.ts';
import type { Piece } from '../../domain/piece.ts';
import type { ColdPolicy } from '../../domain/policy.ts';
import type { Versioned } from '../../domain/ports.ts';
import type { Provider } from '../../domain/provider.ts';
import { datacapPromised } from '../../plan/datacap.ts';
import type { DealStep } from '../../plan/deal-step.ts';
import { type Exposure, exposureOf, minus, NO_EXPOSURE, plus } from '../../plan/ledger.ts';
import { newProvider, withEvent } from '../../plan/providers.ts';
import type { ColdRules } from '../../plan/rules.ts';
import { withTrial } from '../../plan/set-aside.ts';
import { pieceAfter } from '../../plan/summary.ts';
import { Gates } from './pool.ts';

export interface DeskOptions {
  store: ColdStore;
  policies: readonly ColdPolicy[];
  countries: ReadonlyMap<string, string>;
  rules: ColdRules;
}

/** Somebody else may write first so often in a row before it is a fault. */
const TRIES = 8;

/**
 * All writes of deals, and of what must change with them: the piece's summary, the budget's day, the provider's
 * history. It keeps count of what deals may have locked on the chain.
 */
export class Desk {
  readonly #options: DeskOptions;
  #exposure: Exposure = NO_EXPOSURE;
  #intendedAtto = 0n;
  #datacapBytes = 0n;
  #counted: Promise<void> | undefined;
  readonly #turns = new Gates(1);

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  policy(name: string): ColdPolicy | undefined {
    return this.#options.policies.find((policy) => policy.name === name);
  }

  /** What all deals together may have locked, and what was promised since the process began. Reads them all, once. */
  async exposure(): Promise<Exposure & { intendedTotalAtto: bigint; promisedDatacapBytes: bigint }> {
    this.#counted ??= this.#count().catch((error: unknown) => {
      // What could not be read now may be read the next time.
      this.#counted = undefined;
      throw error;
    });
    await this.#counted;
    return { ...this.#exposure, intendedTotalAtto: this.#intendedAtto, promisedDatacapBytes: this.#datacapBytes };
  }

  /**
   * Writes a deal that is about to be sent, with its money. False when piece, day or provider have changed meanwhile: nothing was
   * written then. With a provider that was set aside it is a trial, of which there is one at a time.
   */
  async intend(piece: Versioned<Piece>, deals: readonly Deal[], deal: Deal, day: Versioned<BudgetDay> | undefined): Promise<boolean> {
    await this.exposure();
    const provider = await this.#options.store.provider(deal.provider);
    const tried = provider && withTrial(provider.value, deal.history[0]?.epoch ?? 0);
    if (provider !== undefined && tried === undefined) return false;
    const after = pieceAfter(
      { ...piece.value, generation: piece.value.generation + 1 },
      [...deals, deal],
      this.policy(piece.value.policy),
      piece.value.due?.epoch ?? 0,
    );
    const written = await this.#write({
      deals: [{ before: undefined, after: deal }],
      pieces: [{ before: piece, after }],
      day: { before: day, after: { day: deal.budgetDay, committedAtto: (day?.value.committedAtto ?? 0n) + deal.costAtto } },
      ...(provider === undefined || tried === provider.value ? {} : { providers: [{ before: provider, after: tried }] }),
    });
    if (written) this.#intendedAtto += deal.costAtto;
    return written;
  }

  /** Reads a deal afresh, takes the step, and writes it with all that goes with it. Undefined when the step is. */
  async change(dealId: string, headEpoch: number, step: (deal: Deal) => DealStep | undefined): Promise<DealStep | undefined> {
    await this.exposure();
    const first = await this.#take(dealId, step);
    if (first === undefined) return undefined;
    const { before, taken } = first;
    if (taken.events.length === 0 && (await this.#write(await this.#changeFor(before, taken, headEpoch)))) return taken;
    // The deals of one provider share its record, so they take turns: of many at once, some would lose every time.
    return this.#turns.run(before.value.provider, () => this.#change(dealId, headEpoch, step));
  }

  async #change(dealId: string, headEpoch: number, step: (deal: Deal) => DealStep | undefined): Promise<DealStep | undefined> {
    for (let turn = 0; turn < TRIES; turn += 1) {
      const next = await this.#take(dealId, step);
      if (next === undefined) return undefined;
      if (await this.#write(await this.#changeFor(next.before, next.taken, headEpoch))) return next.taken;
    }
    throw new Error(`deal ${dealId} changed under our hands ${TRIES} times in a row`);
  }

  async #take(
    dealId: string,
    step: (deal: Deal) => DealStep | undefined,
  ): Promise<{ before: Versioned<Deal>; taken: DealStep } | undefined> {
    const before = await this.#options.store.deal(dealId);
    const taken = before === undefined ? undefined : step(before.value);
    return before === undefined || taken === undefined ? undefined : { before, taken };
  }

  /** Writes what was decided about a piece, unless it, or a deal of it, has changed since: then it is due for another decision. */
  async settlePiece(before: Versioned<Piece>, { after, list = [] }: { after: Piece; list?: string[] }): Promise<boolean> {
    return this.#write({ pieces: [{ before, after }], list });
  }

  async changeProvider(providerId: string, change: (provider: Provider) => Provider): Promise<Provider> {
    for (let turn = 0; turn < TRIES; turn += 1) {
      const written = await this.#providerChange(providerId, change);
      if (await this.#write({ providers: [written] })) return written.after as Provider;
    }
    throw new Error(`provider ${providerId} changed under our hands ${TRIES} times in a row`);
  }

  async #changeFor(before: Versioned<Deal>, step: DealStep, headEpoch: number): Promise<ColdChange> {
    const { store } = this.#options;
    const { deal, budgetAtto, events } = step;
    const change: ColdChange = { deals: [{ before, after: deal }] };
    if (deal.state !== before.value.state || deal.outcome !== before.value.outcome) {
      // The piece first: whatever of its deals changes from here on changes it too, and makes the write fail.
      const piece = await store.piece(deal.pieceId);
      if (piece === undefined) throw new Error(`deal ${deal.id} is about piece ${deal.pieceId}, which is not there`);
      const deals = (await store.dealsOf(deal.pieceId)).map(({ value }) => (value.id === deal.id ? deal : value));
      change.pieces = [{ before: piece, after: pieceAfter(piece.value, deals, this.policy(piece.value.policy), headEpoch) }];
    }
    if (budgetAtto !== 0n) {
      const day = await store.day(deal.budgetDay);
      const committedAtto = (day?.value.committedAtto ?? 0n) + budgetAtto;
      change.day = { before: day, after: { day: deal.budgetDay, committedAtto: committedAtto < 0n ? 0n : committedAtto } };
    }
    if (events.length > 0) {
      const withEvents = (provider: Provider): Provider =>
        events.reduce((one, event) => withEvent(one, event, this.#options.rules), provider);
      change.providers = [await this.#providerChange(deal.provider, withEvents)];
    }
    return change;
  }

  async #providerChange(providerId: string, change: (provider: Provider) => Provider): Promise<Change<Provider>> {
    const before = await this.#options.store.provider(providerId);
    return { before, after: change(before?.value ?? newProvider(providerId, this.#options.countries.get(providerId))) };
  }

  /** False after a conflict. */
  async #write(change: ColdChange): Promise<boolean> {
    try {
      await this.#options.store.write(change);
    } catch (error) {
      if (isFbpdError(error, 'CONFLICT')) return false;
      throw error;
    }
    for (const { before, after } of change.deals ?? []) {
      if (before !== undefined) this.#exposure = minus(this.#exposure, exposureOf(before.value));
      if (after !== undefined) this.#exposure = plus(this.#exposure, exposureOf(after));
      if (before !== undefined) this.#datacapBytes -= datacapPromised(before.value);
      if (after !== undefined) this.#datacapBytes += datacapPromised(after);
    }
    return true;
  }

  async #count(): Promise<void> {
    let exposure = NO_EXPOSURE;
    let datacapBytes = 0n;
    for await (const { value } of this.#options.store.deals()) {
      exposure = plus(exposure, exposureOf(value));
      datacapBytes += datacapPromised(value);
    }
    this.#exposure = exposure;
    this.#datacapBytes = datacapBytes;
  }
}
