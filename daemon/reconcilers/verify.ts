import type { ColdStore } from '../domain/cold-store-port.ts';
import type { Deal } from '../domain/deal.ts';
import type { Log } from '../log.ts';
import type { DealStep, Seen } from '../plan/deal-step.ts';
import type { ColdRules } from '../plan/rules.ts';
import { planVerify } from '../plan/verify.ts';
import type { Desk } from './cold/desk.ts';
import type { Look, SpendingGuard } from './cold/guard.ts';
import { type LookAtDealOptions, lookAtDeal } from './cold/look-at-deal.ts';
import { passByLook } from './cold/pass-by-look.ts';
import { drain, eachOf, type Tally } from './cold/pool.ts';
import type { Sender } from './cold/send.ts';
import { Sends } from './cold/sends.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface VerifyOptions extends LookAtDealOptions {
  store: ColdStore;
  desk: Desk;
  guard: SpendingGuard;
  sender: Sender;
  rules: ColdRules;
  log: Log;
  /** Deals were found lost. */
  onLosses?: () => void;
}

/** A deal that was found lost, and by what: written when it is known how many there are. */
interface Lost {
  deal: Deal;
  seen: Seen;
}

const BATCH = 256;
const CONCURRENCY = 8;

/**
 * Looks at every deal that is due, on the finalized chain, and takes what it sees down. Goes on while spending is
 * frozen; concludes nothing while the node is away, behind, or on another chain.
 */
export class VerifyReconciler implements Reconciler {
  readonly name = 'verify';
  readonly #options: VerifyOptions;

  constructor(options: VerifyOptions) {
    this.#options = options;
  }

  pass(signal: AbortSignal): Promise<PassReport> {
    return passByLook(this.#options.guard, signal, (look, tally) => this.#verifyDue(look, tally, signal));
  }

  async #verifyDue(look: Look, tally: Tally, signal: AbortSignal): Promise<void> {
    const { store, sender, log } = this.#options;
    const lost: Lost[] = [];
    const sends = new Sends(log);
    await drain({
      due: (limit) => store.dueDeals(look.view.headEpoch, limit),
      idOf: ({ value }) => value.id,
      work: async ({ value: deal }) => {
        if (sender.isUnderWay(deal.id)) {
          tally.skip('being_sent');
          return true;
        }
        try {
          await this.#verify(deal, look, { lost, sends }, signal);
          tally.done += 1;
        } catch (error) {
          if (signal.aborted) return true;
          log.warn({ err: error, deal: deal.id }, 'a deal could not be looked at; the next pass tries again');
          tally.failed += 1;
        }
        return true;
      },
      more: () => sends.next(),
      batch: BATCH,
      concurrency: CONCURRENCY,
      tally,
      signal,
    });
    await this.#writeLosses(lost, look, signal);
  }

  async #verify(deal: Deal, look: Look, { lost, sends }: { lost: Lost[]; sends: Sends }, signal: AbortSignal): Promise<void> {
    const { store, guard, sender, log } = this.#options;
    const pieceCid = (await store.built(deal.pieceId))?.pieceCid;
    if (pieceCid === undefined) throw new Error(`deal ${deal.id} is about piece ${deal.pieceId}, which is not there`);
    const seen = await lookAtDeal(deal, pieceCid, look, this.#options, signal);
    if (this.#step(deal, seen).deal.state === 'lost' && deal.state !== 'lost') {
      lost.push({ deal, seen });
      return;
    }
    const step = await this.#apply(deal, seen);
    if (step?.note !== undefined) log.warn({ deal: deal.id, provider: deal.provider }, step.note);
    if (step?.resend === true && guard.held() === undefined) sends.add(deal.id, sender.send(step.deal, look, signal));
  }

  /** All losses of a pass together, and the breaker before them: nothing is bought again in between. */
  async #writeLosses(lost: readonly Lost[], look: Look, signal: AbortSignal): Promise<void> {
    if (lost.length === 0) return;
    await this.#options.guard.noteLosses(
      lost.map(({ deal }) => deal.domain.owner),
      look.view.headEpoch,
    );
    await eachOf(lost, CONCURRENCY, signal, async ({ deal, seen }) => {
      await this.#apply(deal, seen);
    });
    this.#options.onLosses?.();
  }

  #apply(deal: Deal, seen: Seen): Promise<DealStep | undefined> {
    const { desk, sender } = this.#options;
    return desk.change(deal.id, seen.headEpoch, (now) => {
      // Somebody has sent it meanwhile: what was seen is older than what is known.
      if (now.sends !== deal.sends || now.state !== deal.state || sender.isUnderWay(deal.id)) return undefined;
      return this.#step(now, seen);
    });
  }

  #step(deal: Deal, seen: Seen): DealStep {
    return planVerify(deal, seen, this.#options.rules);
  }
}
