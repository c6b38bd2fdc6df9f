import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { ColdPolicy } from '../../domain/policy.ts';
import { isLive } from '../../plan/providers.ts';
import { pieceAfter } from '../../plan/summary.ts';
import type { Desk } from './desk.ts';
import type { SpendingGuard } from './guard.ts';

export interface PolicyChangeOptions {
  store: ColdStore;
  desk: Desk;
  guard: SpendingGuard;
  policies: readonly ColdPolicy[];
}

/**
 * A piece with all its copies is looked at again when the first one comes near its end, by the policy of the time when
 * that was decided. When the config wants something else now, all are looked at once.
 */
export class PolicyChange {
  readonly #options: PolicyChangeOptions;
  readonly #wanted: string;
  #isKnown = false;

  constructor(options: PolicyChangeOptions) {
    this.#options = options;
    this.#wanted = wishesOf(options.policies);
  }

  /** Makes what is stored due, if that has not been done for these policies. Starts over after a crash. */
  async apply(headEpoch: number, signal: AbortSignal): Promise<void> {
    const { store, guard } = this.#options;
    const memory = store.chain();
    if (this.#isKnown || memory === undefined) return;
    if (memory.value.policies !== this.#wanted) {
      for await (const { value: deal } of store.deals()) {
        if (signal.aborted) return;
        if (isLive(deal)) await this.#makeDue(deal.pieceId, headEpoch);
      }
      await guard.keep({ policies: this.#wanted });
    }
    this.#isKnown = true;
  }

  /** Not when it is due anyway, as it is after the first of its deals. */
  async #makeDue(pieceId: string, headEpoch: number): Promise<void> {
    const { store, desk } = this.#options;
    const piece = await store.piece(pieceId);
    if (piece?.value.state !== 'built' || (piece.value.due?.epoch ?? Number.POSITIVE_INFINITY) <= headEpoch) return;
    const deals = (await store.dealsOf(pieceId)).map(({ value }) => value);
    const after = pieceAfter(piece.value, deals, desk.policy(piece.value.policy), headEpoch);
    if (!(await desk.settlePiece(piece, { after }))) await this.#makeDue(pieceId, headEpoch);
  }
}

/** All of the policies that decides when a complete piece needs another look. */
function wishesOf(policies: readonly ColdPolicy[]): string {
  const wishes = policies.map(({ name, replicas, durationEpochs, renewBeforeEpochs }) => [
    name,
    replicas.min,
    replicas.target,
    durationEpochs,
    renewBeforeEpochs,
  ]);
  return JSON.stringify(wishes);
}
