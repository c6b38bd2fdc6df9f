import type { ColdStore } from '../../domain/cold-store-port.ts';
import { isFbpdError } from '../../domain/errors.ts';
import type { ColdPolicy } from '../../domain/policy.ts';
import type { Log } from '../../log.ts';
import { isLive } from '../../plan/providers.ts';
import { pieceAfter } from '../../plan/summary.ts';
import { WAIT_EPOCHS_MAX } from '../../plan/waits.ts';
import type { Desk } from './desk.ts';
import type { SpendingGuard } from './guard.ts';
import type { ColdOptions } from './options.ts';

export interface PolicyChangeOptions extends Pick<ColdOptions, 'policies' | 'rules' | 'trusted' | 'countries' | 'maker' | 'funding'> {
  store: ColdStore;
  desk: Desk;
  guard: SpendingGuard;
  log: Log;
}

const BATCH = 256;

/**
 * A piece with all its copies is looked at again when the first one comes near its end, and one that waits for money or a
 * provider after a while, by the config of the time when that was decided. When it wants something else now, all are looked
 * at once; when it has other money or providers for it, those that wait are.
 */
export class PolicyChange {
  readonly #options: PolicyChangeOptions;
  readonly #wanted: string;
  readonly #means: string;
  #isKnown = false;

  constructor(options: PolicyChangeOptions) {
    this.#options = options;
    this.#wanted = wishesOf(options.policies);
    this.#means = meansOf(options);
  }

  /** Makes what is stored due, if that has not been done for this config. Starts over after a crash. */
  async apply(headEpoch: number, signal: AbortSignal): Promise<void> {
    const { store, guard } = this.#options;
    const memory = store.chain();
    if (this.#isKnown || memory === undefined) return;
    const { policies, means } = memory.value;
    if (means !== this.#means) await this.#makeWaitingDue(headEpoch, signal);
    if (policies !== this.#wanted) await this.#makeStoredDue(headEpoch, signal);
    if (signal.aborted) return;
    if (means !== this.#means || policies !== this.#wanted) await guard.keep({ policies: this.#wanted, means: this.#means });
    this.#isKnown = true;
  }

  /** What was made due is no longer behind the head, so each batch is what is left; one of which nothing can be made due is the last. */
  async #makeWaitingDue(headEpoch: number, signal: AbortSignal): Promise<void> {
    const span = { after: headEpoch, until: headEpoch + WAIT_EPOCHS_MAX };
    for (const queue of ['renew', 'create'] as const) {
      let made = BATCH;
      while (made > 0 && !signal.aborted) {
        made = 0;
        for (const { value } of await this.#options.store.comingPieces(queue, span, BATCH))
          if (await this.#tryMakeDue(value.id, headEpoch)) made += 1;
      }
    }
  }

  async #makeStoredDue(headEpoch: number, signal: AbortSignal): Promise<void> {
    for await (const { value: deal } of this.#options.store.deals()) {
      if (signal.aborted) return;
      if (isLive(deal)) await this.#tryMakeDue(deal.pieceId, headEpoch);
    }
  }

  /** False when it could not be: a damaged record holds up itself and nothing else. */
  async #tryMakeDue(pieceId: string, headEpoch: number): Promise<boolean> {
    try {
      await this.#makeDue(pieceId, headEpoch);
      return true;
    } catch (error) {
      if (!isFbpdError(error, 'STORE_DAMAGED')) throw error;
      this.#options.log.warn(
        { err: error, piece: pieceId },
        'a piece cannot be looked at sooner, as the config now wants: its record is damaged; run "fbpd check"',
      );
      return false;
    }
  }

  /** Not when it is due anyway, as it is after the first of its deals. */
  async #makeDue(pieceId: string, headEpoch: number): Promise<void> {
    const { store, desk } = this.#options;
    const piece = await store.piece(pieceId);
    if (piece === undefined) return;
    const { state, due } = piece.value;
    if ((state !== 'built' && due === undefined) || (due !== undefined && due.epoch <= headEpoch)) return;
    const deals = (await store.dealsOf(pieceId)).map(({ value }) => value);
    const after = pieceAfter(piece.value, deals, desk.policy(piece.value.policy), headEpoch);
    if (!(await desk.settlePiece(piece, { after }))) await this.#makeDue(pieceId, headEpoch);
  }
}

/**
 * All of the policies that decides when a complete piece needs another look. How copies are counted is part of it: what an
 * older version has counted is counted anew.
 */
function wishesOf(policies: readonly ColdPolicy[]): string {
  const wishes = policies.map(({ name, replicas, durationEpochs, renewBeforeEpochs }) => [
    name,
    replicas.min,
    replicas.target,
    durationEpochs,
    renewBeforeEpochs,
  ]);
  return JSON.stringify(['independent copies', ...wishes]);
}

/** All of the config that decides whether there is money and a provider for a deal. */
function meansOf({ policies, rules, trusted, countries, maker, funding }: PolicyChangeOptions): string {
  const { perDayAtto, perDealAtto } = rules;
  const means = [perDayAtto, perDealAtto, policies, trusted, [...countries], maker.name, funding?.rules ?? null];
  return JSON.stringify(means, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part));
}
