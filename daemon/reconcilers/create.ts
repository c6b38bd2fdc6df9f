import { type DuePiecesOptions, proposeDue } from './cold/due-pieces.ts';
import { passByLook } from './cold/pass-by-look.ts';
import type { PolicyChange } from './cold/policy-change.ts';
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

  pass(signal: AbortSignal): Promise<PassReport> {
    return passByLook(this.#options.guard, signal, async (look, tally) => {
      await this.#options.policyChange.apply(look.view.headEpoch, signal);
      for (const queue of ['renew', 'create'] as const) await proposeDue(queue, this.#options, look, tally, signal);
    });
  }
}
