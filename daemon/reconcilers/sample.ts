import type { DealMaker, PieceWorks } from '../domain/cold-ports.ts';
import { ColdError, PieceError } from '../domain/cold-ports.ts';
import type { ColdStore } from '../domain/cold-store-port.ts';
import type { Deal } from '../domain/deal.ts';
import { dayOfEpoch } from '../domain/epoch.ts';
import type { BuiltPiece } from '../domain/piece.ts';
import type { Clock } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import type { ColdRules } from '../plan/rules.ts';
import { planSample, type SampleSpent } from '../plan/sample.ts';
import { ASK_PROVIDER_MS, answerOf, transferMs, within } from './cold/deadline.ts';
import type { Desk } from './cold/desk.ts';
import type { SpendingGuard } from './cold/guard.ts';
import { noteRetrieval } from './cold/note-retrieval.ts';
import { passByLook } from './cold/pass-by-look.ts';
import type { WantedSamples } from './cold/wanted-samples.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface SampleOptions {
  store: ColdStore;
  maker: DealMaker;
  works: PieceWorks;
  desk: Desk;
  guard: SpendingGuard;
  samples: WantedSamples;
  rules: ColdRules;
  clock: Clock;
  log: Log;
  /** In [0, 1). */
  random(): number;
}

/** Fetches the bytes of a random active deal back and hashes them: that a deal is on the chain does not prove that its bytes come back. */
export class SampleReconciler implements Reconciler {
  readonly name = 'sample';
  readonly #options: SampleOptions;

  constructor(options: SampleOptions) {
    this.#options = options;
  }

  pass(signal: AbortSignal): Promise<PassReport> {
    const { store, guard, random } = this.#options;
    return passByLook(guard, signal, async ({ view }, tally) => {
      const wanted = await this.#takeWanted();
      const deal = wanted ?? (await store.sampleActive(random()))?.value;
      const built = deal === undefined ? undefined : await store.built(deal.pieceId);
      if (deal === undefined || built === undefined) return;
      const why = await this.#mayNot(deal, built, view.headEpoch, signal);
      if (why !== undefined) {
        tally.skip(why);
        return;
      }
      tally.due = 1;
      tally[(await this.#sample(deal, built, view, signal)) ? 'done' : 'failed'] += 1;
    });
  }

  /** Of a piece whose hot copies could go if its bytes were known to come back. */
  async #takeWanted(): Promise<Deal | undefined> {
    const { store, samples, random } = this.#options;
    for (let pieceId = samples.take(); pieceId !== undefined; pieceId = samples.take()) {
      const active = (await store.dealsOf(pieceId)).map(({ value }) => value).filter(({ state }) => state === 'active');
      const drawn = active[Math.floor(random() * active.length)];
      if (drawn !== undefined) return drawn;
    }
    return undefined;
  }

  /** Asks the price and books bytes and money, before anything is fetched. */
  async #mayNot(deal: Deal, built: BuiltPiece, headEpoch: number, signal: AbortSignal): Promise<string | undefined> {
    const { maker, guard, rules } = this.#options;
    const day = dayOfEpoch(headEpoch);
    const before = this.#options.store.chain()?.value.sampled;
    const spent: SampleSpent = before?.day === day ? before : { day, bytes: 0, atto: 0n };
    const early = planSample(deal, built, 0n, spent, headEpoch, rules);
    if (early.kind === 'skip') return early.reason;
    const priceAtto = await answerOf(maker.retrievalPrice(deal, { ...built, id: deal.pieceId }, within(signal, ASK_PROVIDER_MS)));
    if (priceAtto === undefined) return 'not_offered';
    if (priceAtto > 0n && guard.held() !== undefined) return 'held';
    const plan = planSample(deal, built, priceAtto, spent, headEpoch, rules);
    if (plan.kind === 'skip') return plan.reason;
    await guard.keep({ sampled: plan.spent });
    return undefined;
  }

  async #sample(deal: Deal, built: BuiltPiece, view: { headEpoch: number; finalizedEpoch: number }, signal: AbortSignal): Promise<boolean> {
    const { maker, works, clock, log } = this.#options;
    const piece = { ...built, id: deal.pieceId };
    const beganMs = clock.nowMs();
    let firstByteMs: number | undefined;
    const timed = async function* (car: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of car) {
        firstByteMs ??= clock.nowMs() - beganMs;
        yield chunk;
      }
    };
    const deadline = within(signal, transferMs(built.carSizeBytes));
    try {
      const { bytes } = await works.check(piece, timed(maker.retrieve(deal, piece, deadline)), deadline);
      await noteRetrieval(this.#options, deal.id, view, { bytes, tookMs: clock.nowMs() - beganMs, firstByteMs: firstByteMs ?? 0 });
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ColdError) && !(error instanceof PieceError)) throw error;
      log.warn({ err: error, deal: deal.id, provider: deal.provider }, 'a sample of bytes did not come back');
      const failure = error instanceof PieceError && error.failure === 'mismatch' ? 'other bytes came back' : 'the bytes did not come back';
      await noteRetrieval(this.#options, deal.id, view, { failure });
      return false;
    }
  }
}
