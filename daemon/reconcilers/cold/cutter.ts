import { PieceError, type PieceWorks } from '../../domain/cold-ports.ts';
import type { ColdStore, WaitingContent } from '../../domain/cold-store-port.ts';
import type { ColdPolicy } from '../../domain/policy.ts';
import type { Clock } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import { cutFailed } from '../../plan/build-failure.ts';
import { planParts } from '../../plan/parts.ts';
import { carCapacityBytes, planPieces } from '../../plan/pieces.ts';
import type { ColdRules } from '../../plan/rules.ts';
import { Rests } from './rests.ts';

export interface CutterOptions {
  store: Pick<ColdStore, 'waiting' | 'write'>;
  works: Pick<PieceWorks, 'cut'>;
  rules: Pick<ColdRules, 'pieceMaxBytes'>;
  clock: Clock;
  log: Log;
}

/** Cuts contents that are too large for a piece: from waiting to a sealed piece for each part. */
export class Cutter {
  readonly #options: CutterOptions;
  readonly #rests = new Rests();

  constructor(options: CutterOptions) {
    this.#options = options;
  }

  /** Those that can be tried now, and how many rest. */
  async due(policy: ColdPolicy): Promise<{ due: WaitingContent[]; resting: number }> {
    const { store, clock, rules } = this.#options;
    const nowMs = clock.nowMs();
    const waiting = await store.waiting(policy.name);
    const { toCut } = planPieces({ waiting, policy, nowMs, pieceMaxBytes: rules.pieceMaxBytes });
    const due = toCut.filter(({ contentKey }) => !this.#rests.isResting(contentKey, nowMs));
    return { due, resting: toCut.length - due.length };
  }

  /** All its parts are written down at once: nobody ever sees some of them, or parts of two cuts. */
  async cut(waiting: WaitingContent, policy: ColdPolicy, signal: AbortSignal): Promise<void> {
    const { store, works, clock, log, rules } = this.#options;
    const { contentKey } = waiting;
    const { pieceMaxBytes } = rules;
    try {
      const parts = await works.cut(contentKey, carCapacityBytes(pieceMaxBytes), signal);
      const pieces = planParts({ waiting, parts, policy, pieceMaxBytes, nowMs: clock.nowMs() });
      await store.write({ pieces: pieces.map((after) => ({ before: undefined, after })), unwait: [waiting] });
      this.#rests.end(contentKey);
      if (pieces.length > 1) log.info({ cid: contentKey, parts: pieces.length }, 'a content too large for a piece is cut into parts');
    } catch (error) {
      if (error instanceof PieceError && error.failure !== 'aborted') await this.#failed(waiting, error);
      throw error;
    }
  }

  async #failed(waiting: WaitingContent, { failure, message }: PieceError): Promise<void> {
    const { store, clock } = this.#options;
    const { contentKey } = waiting;
    const nowMs = clock.nowMs();
    const { reason, againMs } = cutFailed(failure, message, this.#rests.failuresOf(contentKey) + 1, nowMs);
    this.#rests.rest(contentKey, nowMs, againMs);
    await store.write({ wait: [{ ...waiting, reason }] });
  }
}
