import { PieceError, type PieceWorks } from '../domain/cold-ports.ts';
import type { Change, ColdStore, DueContent } from '../domain/cold-store-port.ts';
import { isFbpdError } from '../domain/errors.ts';
import type { Piece } from '../domain/piece.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import type { Clock, Versioned } from '../domain/ports.ts';
import type { PieceProofs } from '../domain/receipt-ports.ts';
import type { Log } from '../log.ts';
import { planBuildFailure } from '../plan/build-failure.ts';
import { type ContentPlan, planContent } from '../plan/contents.ts';
import { newPiece } from '../plan/new-piece.ts';
import { planPieces } from '../plan/pieces.ts';
import { isLive } from '../plan/providers.ts';
import type { ColdRules } from '../plan/rules.ts';
import { Cutter } from './cold/cutter.ts';
import type { Desk } from './cold/desk.ts';
import type { SpendingGuard } from './cold/guard.ts';
import { drain, Gates, Tally } from './cold/pool.ts';
import { Rests } from './cold/rests.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface PiecesOptions {
  store: ColdStore;
  works: PieceWorks;
  proofs?: PieceProofs;
  desk: Desk;
  guard: SpendingGuard;
  policies: readonly ColdPolicy[];
  rules: ColdRules;
  /** Brings a content back that has no hot copy. */
  warm(contentKey: string): Promise<unknown>;
  clock: Clock;
  log: Log;
  /** So many contents are taken in before pieces are made of those that wait, which are all read for that. */
  contentsAtOnce?: number;
}

const CONTENTS_BATCH = 256;
const CONTENTS_AT_ONCE = 16_384;
const CONTENTS_CONCURRENCY = 8;
const BUILD_BATCH = 16;
/** Proofs and manifests are small, and dropped with no hurry. */
const SWEPT_EVERY_MS = 24 * 3_600_000;

/** Puts contents into pieces, those that are too large into several, and builds them: pinned → waiting → sealed → built. It needs no chain. */
export class PiecesReconciler implements Reconciler {
  readonly name = 'pieces';
  readonly #options: PiecesOptions;
  /** Builds that failed. */
  readonly #rests = new Rests();
  readonly #cutter: Cutter;
  #sweptMs: number | undefined;
  readonly #atOnce: number;
  readonly #turns = new Gates(1);

  constructor(options: PiecesOptions) {
    this.#options = options;
    this.#cutter = new Cutter(options);
    this.#atOnce = options.contentsAtOnce ?? CONTENTS_AT_ONCE;
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    const tally = new Tally();
    await this.#sweep(signal);
    let before: number;
    do {
      before = tally.done;
      await this.#contents(tally, signal);
      for (const policy of this.#options.policies) await this.#seal(policy, tally, signal);
    } while (tally.done - before >= this.#atOnce / 2 && !signal.aborted);
    await this.#build(tally, signal);
    const builtBefore = tally.done;
    for (const policy of this.#options.policies) await this.#cut(policy, tally, signal);
    if (tally.done > builtBefore) await this.#build(tally, signal);
    return tally.report();
  }

  /** Once a day, and with the first pass: what a crash between two steps has left, and what the last deal has left that ended. */
  async #sweep(signal: AbortSignal): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    if (Math.abs(nowMs - (this.#sweptMs ?? Number.NEGATIVE_INFINITY)) < SWEPT_EVERY_MS) return;
    await this.#sweepWorks(signal);
    await this.#sweepProofs(signal);
    if (!signal.aborted) this.#sweptMs = nowMs;
  }

  /** Files and manifests of pieces that are not there, or that need none. */
  async #sweepWorks(signal: AbortSignal): Promise<void> {
    const { works, store } = this.#options;
    for (const id of await works.list()) {
      if (signal.aborted) return;
      const piece = (await store.piece(id))?.value;
      if (piece === undefined || (await this.#isOver(piece))) await works.forget(id);
    }
  }

  /** Nothing of it is needed any more, by its last deal neither. A file that others may read is let go with them. */
  async #isOver({ id, state, built, summary }: Piece): Promise<boolean> {
    if (state !== 'retired') return false;
    return built === undefined || (summary.pending + summary.active === 0 && (await this.#options.works.staged(id)) === undefined);
  }

  /** Nobody can ask for a receipt of what is in no live deal and pinned by nobody. */
  async #sweepProofs(signal: AbortSignal): Promise<void> {
    const { proofs, store } = this.#options;
    if (proofs === undefined) return;
    for (const id of await proofs.list()) {
      if (signal.aborted) return;
      const piece = (await store.piece(id))?.value;
      const isOver = piece?.state === 'retired' && !(await store.dealsOf(id)).some(({ value }) => isLive(value));
      if (piece === undefined || isOver) await proofs.drop(id);
    }
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
    const plan = (read: DueContent) => planContent(read, policy.name, clock.nowMs(), guard.headEpoch());
    const planned = plan(due);
    const [changed] = planned.pieces;
    if (changed === undefined) return this.#writeContent(due, planned);
    // Contents of one piece that are unpinned together change it one after the other, each as the one before has left it.
    return this.#turns.run(changed.before.id, async () => {
      const now = { ...due, pieces: await store.piecesOf(due.contentKey) };
      return this.#writeContent(now, plan(now));
    });
  }

  async #writeContent(due: DueContent, { pieces, wait, unwait }: ContentPlan): Promise<void> {
    const changes: Change<Piece>[] = pieces.map(({ before, after }) => ({
      before: due.pieces.find(({ value }) => value === before),
      after,
    }));
    await this.#options.store.write({
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
    const open = waiting.length - plan.toCut.length - plan.seal.reduce((sum, { from }) => sum + from.length, 0);
    if (open > 0) tally.skip('waiting_for_piece', open);
  }

  /** What is too large for a piece is cut once others are built: it takes as long as reading all of it. */
  async #cut(policy: ColdPolicy, tally: Tally, signal: AbortSignal): Promise<void> {
    const { due, resting } = await this.#cutter.due(policy);
    if (resting > 0) tally.skip('cut_failed', resting);
    for (const content of due) {
      if (signal.aborted) return;
      tally.due += 1;
      await this.#try('content', content.contentKey, tally, signal, () => this.#cutter.cut(content, policy, signal));
    }
  }

  /** One at a time: a build reads the disk and hashes on every core as it is. */
  async #build(tally: Tally, signal: AbortSignal): Promise<void> {
    await drain({
      due: (limit) => this.#options.store.sealedPieces(limit),
      idOf: ({ value }) => value.id,
      work: async (piece) => {
        if (this.#rests.isResting(piece.value.id, this.#options.clock.nowMs())) tally.skip('build_failed');
        else await this.#try('piece', piece.value.id, tally, signal, () => this.#buildOne(piece, signal));
        return true;
      },
      batch: BUILD_BATCH,
      concurrency: 1,
      tally,
      signal,
    });
  }

  async #buildOne(piece: Versioned<Piece>, signal: AbortSignal): Promise<void> {
    const { store, works, guard } = this.#options;
    const { id, members } = piece.value;
    try {
      const built = await works.build(id, members, signal);
      const next = { code: 'proposing', text: 'its deals are made next' };
      const due = { queue: 'create' as const, epoch: guard.headEpoch() };
      await store.write({ pieces: [{ before: piece, after: { ...piece.value, state: 'built', built, buildFailures: 0, next, due } }] });
      this.#rests.end(id);
    } catch (error) {
      if (!(error instanceof PieceError) || error.failure === 'aborted') throw error;
      await this.#buildFailed(piece, error);
      throw error;
    }
  }

  /** Tried again later; a content that does not come along is taken out of the way of the others. */
  async #buildFailed(piece: Versioned<Piece>, { failure, contentKey }: PieceError): Promise<void> {
    const { store, clock, works, warm } = this.#options;
    const nowMs = clock.nowMs();
    const { after, instead, toCut, againMs = nowMs } = planBuildFailure(piece.value, failure, contentKey, nowMs);
    const pieces = [{ before: piece, after }, ...instead.map((one) => ({ before: undefined, after: one }))];
    await store.write({ pieces, ...(toCut === undefined ? {} : { wait: [toCut] }) });
    this.#rests.rest(piece.value.id, nowMs, againMs);
    // It may have been let go while it waited.
    if (failure === 'missing_block' && contentKey !== undefined) void warm(contentKey);
    if (after.state === 'retired') await works.forget(piece.value.id);
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
