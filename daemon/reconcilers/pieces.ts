import { PieceError, type PieceWorks } from '../domain/cold-ports.ts';
import type { Change, ColdStore, DueContent } from '../domain/cold-store-port.ts';
import { isFbpdError } from '../domain/errors.ts';
import type { Piece } from '../domain/piece.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import type { Clock, Versioned } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { planBuildFailure } from '../plan/build-failure.ts';
import { planContent } from '../plan/contents.ts';
import { newPiece } from '../plan/new-piece.ts';
import { planPieces } from '../plan/pieces.ts';
import type { ColdRules } from '../plan/rules.ts';
import type { Desk } from './cold/desk.ts';
import type { SpendingGuard } from './cold/guard.ts';
import { drain, Tally } from './cold/pool.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface PiecesOptions {
  store: ColdStore;
  works: PieceWorks;
  desk: Desk;
  guard: SpendingGuard;
  policies: readonly ColdPolicy[];
  rules: ColdRules;
  clock: Clock;
  log: Log;
  /** So many contents are taken in before pieces are made of those that wait, which are all read for that. */
  contentsAtOnce?: number;
}

const CONTENTS_BATCH = 256;
const CONTENTS_AT_ONCE = 16_384;
const CONTENTS_CONCURRENCY = 8;
const BUILD_BATCH = 16;

/** Puts contents into pieces and builds them: pinned → waiting → sealed → built. It needs no chain. */
export class PiecesReconciler implements Reconciler {
  readonly name = 'pieces';
  readonly #options: PiecesOptions;
  /** Builds that failed rest for a while; the next start tries at once, and so does a clock that was put back. */
  readonly #rests = new Map<string, { fromMs: number; untilMs: number }>();
  #swept = false;
  readonly #atOnce: number;

  constructor(options: PiecesOptions) {
    this.#options = options;
    this.#atOnce = options.contentsAtOnce ?? CONTENTS_AT_ONCE;
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    const tally = new Tally();
    if (!this.#swept) await this.#sweep(signal);
    let before: number;
    do {
      before = tally.done;
      await this.#contents(tally, signal);
      for (const policy of this.#options.policies) await this.#seal(policy, tally, signal);
    } while (tally.done - before >= this.#atOnce / 2 && !signal.aborted);
    await this.#build(tally, signal);
    return tally.report();
  }

  /** Files of pieces that are not there, or that need none: left by a crash between two steps. */
  async #sweep(signal: AbortSignal): Promise<void> {
    const { works, store } = this.#options;
    for (const id of await works.list()) {
      if (signal.aborted) return;
      const piece = (await store.piece(id))?.value;
      if (piece === undefined || (piece.state === 'retired' && piece.built === undefined)) await works.drop(id);
    }
    this.#swept = true;
  }

  async #contents(tally: Tally, signal: AbortSignal): Promise<void> {
    await drain({
      due: (limit) => this.#options.store.dueContents(limit),
      idOf: ({ contentKey }) => contentKey,
      work: async (due) => {
        const written = await this.#try('content', due.contentKey, tally, signal, () => this.#content(due));
        return written === undefined;
      },
      batch: Math.min(CONTENTS_BATCH, this.#atOnce),
      most: this.#atOnce,
      concurrency: CONTENTS_CONCURRENCY,
      tally,
      signal,
    });
  }

  async #content(due: DueContent): Promise<void> {
    const { store, clock, guard, policies } = this.#options;
    const policy = policies.find(({ name }) => name === 'default') ?? policies[0];
    if (policy === undefined) return;
    const { pieces, wait, unwait } = planContent(due, policy.name, clock.nowMs(), guard.headEpoch());
    const changes: Change<Piece>[] = pieces.map(({ before, after }) => ({
      before: due.pieces.find(({ value }) => value === before),
      after,
    }));
    await store.write({
      looked: [due],
      pieces: changes,
      ...(wait === undefined ? {} : { wait: [wait] }),
      ...(unwait === undefined ? {} : { unwait: [unwait] }),
    });
  }

  async #seal(policy: ColdPolicy, tally: Tally, signal: AbortSignal): Promise<void> {
    const { store, clock, rules } = this.#options;
    const waiting = await store.waiting(policy.name);
    if (waiting.length === 0) return;
    const nowMs = clock.nowMs();
    const plan = planPieces({ waiting, policy, nowMs, pieceMaxBytes: rules.pieceMaxBytes });
    for (const { members, from, why } of plan.seal) {
      if (signal.aborted) return;
      tally.due += 1;
      const piece = newPiece({ policy, members, nowMs, why });
      await this.#try('piece', piece.id, tally, signal, () => store.write({ pieces: [{ before: undefined, after: piece }], unwait: from }));
    }
    const unsaid = plan.tooLarge.filter(({ content }) => content.reason === undefined);
    if (unsaid.length > 0)
      await this.#try('policy', policy.name, tally, signal, () =>
        store.write({ wait: unsaid.map(({ content, reason }) => ({ ...content, reason })) }),
      );
    if (plan.tooLarge.length > 0) tally.skip('too_large', plan.tooLarge.length);
    const open = waiting.length - plan.tooLarge.length - plan.seal.reduce((sum, { from }) => sum + from.length, 0);
    if (open > 0) tally.skip('waiting_for_piece', open);
  }

  /** One at a time: a build reads the disk and hashes on every core as it is. */
  async #build(tally: Tally, signal: AbortSignal): Promise<void> {
    await drain({
      due: (limit) => this.#options.store.sealedPieces(limit),
      idOf: ({ value }) => value.id,
      work: async (piece) => {
        if (this.#isResting(piece.value.id)) tally.skip('build_failed');
        else await this.#try('piece', piece.value.id, tally, signal, () => this.#buildOne(piece, signal));
        return true;
      },
      batch: BUILD_BATCH,
      concurrency: 1,
      tally,
      signal,
    });
  }

  #isResting(pieceId: string): boolean {
    const nowMs = this.#options.clock.nowMs();
    const rest = this.#rests.get(pieceId);
    return rest !== undefined && rest.fromMs <= nowMs && nowMs < rest.untilMs;
  }

  async #buildOne(piece: Versioned<Piece>, signal: AbortSignal): Promise<void> {
    const { store, works, guard } = this.#options;
    const { id, members } = piece.value;
    try {
      const built = await works.build(id, members, signal);
      const next = { code: 'proposing', text: 'its deals are made next' };
      const due = { queue: 'create' as const, epoch: guard.headEpoch() };
      await store.write({ pieces: [{ before: piece, after: { ...piece.value, state: 'built', built, buildFailures: 0, next, due } }] });
      this.#rests.delete(id);
    } catch (error) {
      if (!(error instanceof PieceError) || error.failure === 'aborted') throw error;
      await this.#buildFailed(piece, error);
      throw error;
    }
  }

  /** Tried again later; a content that does not come along is taken out of the way of the others. */
  async #buildFailed(piece: Versioned<Piece>, { failure, contentKey }: PieceError): Promise<void> {
    const { store, clock, works } = this.#options;
    const nowMs = clock.nowMs();
    const plan = planBuildFailure(piece.value, failure, contentKey, nowMs);
    await store.write({ pieces: [{ before: piece, after: plan.after }, ...plan.instead.map((after) => ({ before: undefined, after }))] });
    this.#rests.set(piece.value.id, { fromMs: nowMs, untilMs: plan.againMs ?? nowMs });
    if (plan.instead.length > 0) await works.drop(piece.value.id);
  }

  /** One that fails is counted, said, and tried again in the next pass. Undefined then. */
  async #try(what: string, id: string, tally: Tally, signal: AbortSignal, work: () => Promise<void>): Promise<true | undefined> {
    try {
      await work();
      tally.done += 1;
      return true;
    } catch (error) {
      if (signal.aborted) return undefined;
      const changed = isFbpdError(error, 'CONFLICT');
      if (changed) tally.skip('changed_meanwhile');
      else tally.failed += 1;
      this.#options.log[changed ? 'debug' : 'warn'](
        { err: error, [what]: id },
        'a step towards a piece was not taken; the next pass tries again',
      );
      return undefined;
    }
  }
}
