import { type DuePiecesOptions, proposeDue } from './cold/due-pieces.ts';
import type { PolicyChange } from './cold/policy-change.ts';
import { Tally } from './cold/pool.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface CreateOptions extends DuePiecesOptions {
  policyChange: PolicyChange;
}

/** Makes the deals of pieces that have fewer copies than wanted. What is due for renewal goes first: money may be short. */
export class CreateReconciler implements Reconciler {
  readonly name = 'create';
  readonly #options: CreateOptions;

  constructor(options: CreateOptions) {
    this.#options = options;
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    const tally = new Tally();
    const look = await this.#options.guard.look(signal);
    if (!('view' in look)) {
      tally.skip(look.code);
      return tally.report();
    }
    await this.#options.policyChange.apply(look.view.headEpoch, signal);
    for (const queue of ['renew', 'create'] as const) await proposeDue(queue, this.#options, look, tally, signal);
    return tally.report();
  }
}
